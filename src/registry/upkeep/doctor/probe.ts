import { RegistryError } from '../../../errors.ts';
import type { HealthCheck } from '../../../model/health-check.ts';
import { bugAdvice } from '../../../support/bug-report.ts';
import { unlessOwnFailure } from '../../../support/git/git-disk.ts';

/** What a probe found. It goes by the name of the probe, unless it has one of its own. */
export type Verdict = Omit<HealthCheck, 'name'> & { readonly name?: string };

/** One question that `doctor` asks. */
export interface Probe {
  readonly name: string;
  /** No verdict where there is nothing to tell. */
  readonly ask: () => Answer | Promise<Answer>;
}

type Answer = Verdict | readonly Verdict[];

export const ok = (detail: string): Verdict => ({ result: 'ok', detail });

export const warning = (detail: string, hint?: string): Verdict => ({ result: 'warning', detail, hint });

export const failure = (detail: string, hint?: string): Verdict => ({ result: 'failure', detail, hint });

/**
 * Asks all, and tells in their order what they found. A probe that fails is a failure that says why, under the name of what it was
 * to look at: the others are told all the same.
 */
export async function runProbes(probes: readonly Probe[]): Promise<HealthCheck[]> {
  return (await Promise.all(probes.map(runProbe))).flat();
}

async function runProbe({ name, ask }: Probe): Promise<HealthCheck[]> {
  const answer = await Promise.resolve().then(ask).catch(describeFailure);
  return [answer].flat().map((verdict) => ({ name, ...verdict }));
}

function describeFailure(thrown: unknown): Verdict {
  const error = unlessOwnFailure(thrown);
  if (error instanceof RegistryError) return failure(error.message, error.hint);
  const said = error instanceof Error ? error.message : String(error);
  return failure(`it could not be looked at: ${said}`, bugAdvice);
}
