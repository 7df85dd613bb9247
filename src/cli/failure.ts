import { formatProblem } from '../config/config-file.ts';
import { ConfigError, RegistryError } from '../errors.ts';
import { bugAdvice } from '../support/bug-report.ts';
import { unlessOwnFailure } from '../support/git/git-disk.ts';
import { InterruptedError } from './exit-codes.ts';

/** A failure in words and as data; the one place that words failures for people. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  /** Of a failure of `registry.toml`, each problem, as `registry.toml:LINE:COLUMN: KEY: what is wrong`. */
  readonly problems: readonly string[];
}

export function describeFailure(thrown: unknown): Failure {
  const error = unlessOwnFailure(thrown);
  if (error instanceof RegistryError) {
    const problems = error instanceof ConfigError ? error.problems.map(formatProblem) : [];
    // A message may list the problems itself, below its first line.
    const message = problems.length > 0 ? (error.message.split('\n')[0] ?? '') : error.message;
    return { code: error.code, message, hint: error.hint, problems };
  }
  if (error instanceof InterruptedError)
    return {
      code: 'interrupted',
      message: 'interrupted',
      hint: 'run the same command again to continue where it stopped',
      problems: [],
    };
  return {
    code: 'bug',
    message: `unexpected: ${error instanceof Error ? error.message : String(error)}`,
    hint: bugAdvice,
    problems: [],
  };
}

/** The message, the problems, `hint:`, and with `verbose` everything that caused it. No final newline. */
export function formatFailure(error: unknown, options: { readonly verbose: boolean }): string {
  const { message, hint, problems } = describeFailure(error);
  const lines = [message, ...problems.map((problem) => `  ${problem}`)];
  if (hint !== undefined) lines.push(`hint: ${hint}`);
  if (options.verbose || !isExpected(error)) lines.push(...describeCauses(error));
  return lines.join('\n');
}

function isExpected(error: unknown): boolean {
  return unlessOwnFailure(error) instanceof RegistryError || error instanceof InterruptedError;
}

function describeCauses(error: unknown): string[] {
  const lines: string[] = [];
  if (error instanceof Error && !isExpected(error) && error.stack !== undefined) lines.push(error.stack);
  const seen = new Set<unknown>([error]);
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause !== undefined && !seen.has(cause)) {
    seen.add(cause);
    lines.push(`caused by: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}
