import { ConfigError, RegistryError } from '../errors.ts';
import { InterruptedError } from './exit-codes.ts';

/** A failure in words and as data; the one place that words failures for people. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  /** For `config`: each problem, as `FILE:LINE:COLUMN: KEY: what is wrong`. */
  readonly problems: readonly string[];
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof RegistryError) {
    const problems = error instanceof ConfigError ? error.problems : [];
    return {
      code: error.code,
      message: error.message,
      hint: error.hint,
      problems: problems.map(
        ({ path, line, column, message }) =>
          `line ${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`,
      ),
    };
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
    hint: 'this is a bug in moonbit-registry; please report it with the output of the same command with -v',
    problems: [],
  };
}

/** `error:`, the problems, `hint:`, and with `verbose` everything that caused it. No final newline. */
export function formatFailure(
  error: unknown,
  options: { readonly verbose: boolean; readonly label: string },
): string {
  const { message, hint, problems } = describeFailure(error);
  const lines = [`${options.label} ${message}`, ...problems.map((problem) => `  ${problem}`)];
  if (hint !== undefined) lines.push(`hint: ${hint}`);
  if (options.verbose || !isExpected(error)) lines.push(...describeCauses(error));
  return lines.join('\n');
}

function isExpected(error: unknown): boolean {
  return error instanceof RegistryError || error instanceof InterruptedError;
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
