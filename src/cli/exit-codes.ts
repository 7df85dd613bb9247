import { RegistryError, UsageError } from '../errors.ts';
import { unlessOwnFailure } from '../support/git/git-disk.ts';

/** What the program's exit status means; scripts rely on it. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Done, but something is in conflict, stale or missing. */
  doneWithFindings: 3,
  /** A bug of ours. */
  bug: 70,
  /** Ended by Ctrl-C, as shells count it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The command line itself was wrong: the only failure that ends with 2, so that scripts can tell it apart. */
export class CommandLineError extends UsageError {}

/** The user stopped the command. */
export class InterruptedError extends Error {
  constructor() {
    super('interrupted');
    this.name = 'InterruptedError';
  }
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandLineError) return exitCodes.usage;
  if (error instanceof InterruptedError) return exitCodes.interrupted;
  return unlessOwnFailure(error) instanceof RegistryError ? exitCodes.failed : exitCodes.bug;
}
