import { RegistryError } from '../../../errors.ts';
import type { HealthCheck } from '../../../model/health-check.ts';
import { bugAdvice } from '../../../support/bug-report.ts';
import { unlessOwnFailure } from '../../../support/git/git-disk.ts';

/**
 * What a check found. One that cannot be made is a failure that says why, under the name of what it was to look at: the
 * others are told all the same.
 */
export async function containCheck(
  name: string,
  check: () => HealthCheck | readonly HealthCheck[] | Promise<HealthCheck | readonly HealthCheck[]>,
): Promise<readonly HealthCheck[]> {
  try {
    return [await check()].flat();
  } catch (error) {
    return [describeFailure(name, error)];
  }
}

function describeFailure(name: string, thrown: unknown): HealthCheck {
  const error = unlessOwnFailure(thrown);
  if (error instanceof RegistryError)
    return { name, result: 'failure', detail: error.message, hint: error.hint };
  const said = error instanceof Error ? error.message : String(error);
  return { name, result: 'failure', detail: `it could not be looked at: ${said}`, hint: bugAdvice };
}
