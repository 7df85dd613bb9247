import type { Resources } from './resources.ts';
import type { Worlds } from './world.ts';

/** One row of the table: work that ours and the alternatives do in turn. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Everything that is not timed; what it starts ends with `resources`. */
  prepare(bench: Bench): Promise<Prepared>;
}

export interface Bench {
  readonly size: BenchSize;
  readonly worlds: Worlds;
  /** Scratch folder of this scenario, removed afterwards. */
  readonly directory: string;
  /** Kept until the run ends. */
  readonly scratch: string;
  readonly resources: Resources;
  /** The built command, as a path. */
  readonly program: string;
  /** Our processes write CPU profiles into this folder when they end. */
  readonly profiles?: string | undefined;
  readonly say: (text: string) => void;
}

export interface BenchSize {
  readonly isSmoke: boolean;
  /** Of one measurement under load. */
  readonly seconds: number;
  /** Of the worlds that show growth, in units of the official index. */
  readonly smallScale: number;
  readonly largeScale: number;
  readonly downloads: number;
}

export interface Prepared {
  readonly contenders: readonly Contender[];
  readonly bars: readonly Bar[];
  /** What a reader has to know to read the figures right. */
  readonly notes?: readonly string[];
}

export interface Contender {
  readonly name: string;
  /** Measures once, and throws if what it got is not what it should have got. */
  readonly round?: () => Promise<Figures>;
  /** Why there is no `round`. */
  readonly missing?: string | undefined;
}

/** By metric, whose name ends with its unit: `requests/s`, `p99 ms`, `seconds`, `MiB`. */
export type Figures = Readonly<Record<string, number>>;

/** What the issue asks for: `metric` of `of` as a multiple of the same metric of `against`, or as it is. */
export interface Bar {
  readonly metric: string;
  readonly of: string;
  readonly against?: string;
  /** Subtract instead of divide. */
  readonly isDifference?: boolean;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Rounds in turn: ours, theirs, ours, theirs … so that what disturbs the machine disturbs all of them. */
export async function measureInTurn(
  contenders: readonly Contender[],
  rounds: number,
): Promise<ReadonlyMap<string, readonly Figures[]>> {
  const measured = new Map<string, Figures[]>();
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      if (!contender.round) continue;
      const figures = measured.get(contender.name) ?? [];
      measured.set(contender.name, figures);
      figures.push(await contender.round());
    }
  }
  return measured;
}
