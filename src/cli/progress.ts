import type { MirrorProgress } from '../registry/mirror/mirror-options.ts';
import type { CommandContext } from './context.ts';
import { formatBytes, formatElapsed, groupDigits } from './format.ts';
import type { Output } from './output.ts';

const redrawAfterMs = 100;
const tellAfterMs = 30_000;
const tickMs = 1000;
const barWidth = 24;

/** Whether it is time to draw again: at most ten times a second, and at once where something else is to be drawn. */
export function createPace(now: () => number): (what?: string) => boolean {
  let drawnAt = Number.NEGATIVE_INFINITY;
  let drawn: string | undefined;
  return (what = '') => {
    const time = now();
    if (what === drawn && time - drawnAt < redrawAfterMs) return false;
    drawnAt = time;
    drawn = what;
    return true;
  };
}

export interface Progress {
  /** How far the work is. */
  update(progress: MirrorProgress): void;
  /** Time goes by, whether the work gets on or not; call it every second. */
  tick(): void;
}

/**
 * Draws progress on the terminal's status line, at most ten times a second; where there is none, tells it in a line every half
 * minute, so that a log shows that it goes on.
 */
export function createProgress(
  output: Pick<Output, 'hasStatusLine' | 'statusLine' | 'note'>,
  now: () => number,
): Progress {
  const begunAt = now();
  let downloadingSince: number | undefined;
  const isTime = createPace(now);
  let toldAt = begunAt;
  let last: MirrorProgress | undefined;
  return {
    update(progress) {
      last = progress;
      const time = now();
      if (progress.phase === 'downloading') downloadingSince ??= time;
      if (!output.hasStatusLine || !isTime(progress.phase)) return;
      output.statusLine(formatProgress(progress, time - (downloadingSince ?? time)));
    },
    tick() {
      const time = now();
      if (output.hasStatusLine || last === undefined || time - toldAt < tellAfterMs) return;
      toldAt = time;
      output.note(tellProgress(last, time - (downloadingSince ?? time), time - begunAt));
    },
  };
}

/** Does work whose progress is drawn or told. */
export async function withProgress<T>(
  { output, io }: Pick<CommandContext, 'output' | 'io'>,
  work: (onProgress: Progress['update']) => Promise<T>,
): Promise<T> {
  const progress = createProgress(output, io.now);
  const timer = setInterval(progress.tick, tickMs);
  try {
    return await work(progress.update);
  } finally {
    clearInterval(timer);
  }
}

/** One line: what is going on, how far it is, bytes so far and per second. */
export function formatProgress(progress: MirrorProgress, elapsedMs: number): string {
  const { phase, done, total } = progress;
  if (phase !== 'downloading') return describePhase(progress);
  const filled = total === 0 ? 0 : Math.min(barWidth, Math.floor((done / total) * barWidth));
  const bar = `${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}`;
  return [`[${bar}] ${amountOf(progress)}`, ...amountsOfBytes(progress, elapsedMs)].join('  ');
}

/** The same for a log, with the time that all of it has taken. */
function tellProgress(progress: MirrorProgress, downloadingMs: number, elapsedMs: number): string {
  const doing =
    progress.phase === 'downloading'
      ? [`Downloading: ${amountOf(progress)}`, ...amountsOfBytes(progress, downloadingMs)]
      : [describePhase(progress)];
  return `${[...doing, `for ${formatElapsed(elapsedMs)}`].join(', ')}…`;
}

function describePhase({ phase, done, total }: MirrorProgress): string {
  const verb = phase === 'refreshing' ? 'Reading indexes' : 'Updating the served index';
  return total > 0 ? `${verb} ${done}/${total}` : verb;
}

function amountOf({ done, total }: MirrorProgress): string {
  return `${groupDigits(done)}/${groupDigits(total)}`;
}

function amountsOfBytes({ bytes }: MirrorProgress, elapsedMs: number): string[] {
  const rate = elapsedMs > 0 ? [`${formatBytes(Math.round((bytes * 1000) / elapsedMs))}/s`] : [];
  return [formatBytes(bytes), ...rate];
}
