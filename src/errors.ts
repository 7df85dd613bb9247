/**
 * Failures somebody can act on. Everything else is a bug and stays a plain `Error`
 * (exit code 70, HTTP 500). Expected answers are values, not errors: see `Lookup`.
 *
 * The message says what we were doing, to what, and what happened; `hint` names a
 * command or an edit that helps. Neither ever contains a credential (rule 10).
 */
export type ErrorCode = 'usage' | 'config' | 'not-found' | 'unavailable' | 'integrity' | 'storage';

export interface ErrorOptions {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export class RegistryError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}

/** The words typed were wrong: an unknown name, a pattern that matches nothing, a missing argument. */
export class UsageError extends RegistryError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('usage', message, options);
  }
}

/** One thing wrong in `registry.toml`. `line` and `column` count from 1. */
export interface ConfigProblem {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** `registry.toml` is missing, malformed or impossible; carries every problem found, not only the first. */
export class ConfigError extends RegistryError {
  readonly problems: readonly ConfigProblem[];

  constructor(message: string, problems: readonly ConfigProblem[] = [], options: ErrorOptions = {}) {
    super('config', message, options);
    this.problems = problems;
  }
}

/** A definitive "there is no such thing": an unknown source, module or version. */
export class NotFoundError extends RegistryError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('not-found', message, options);
  }
}

/** We could not tell (rule 4): a source did not answer, refused us, or answered nonsense. */
export class UnavailableError extends RegistryError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('unavailable', message, options);
  }
}

/** Bytes that are not what their checksum says. */
export class IntegrityError extends RegistryError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('integrity', message, options);
  }
}

/** More bytes than their source may send, or may have on its way to our disk: given up, whatever they were. */
export class ExcessError extends IntegrityError {}

/** Our own disk or git repository cannot be read or written. */
export class StorageError extends RegistryError {
  constructor(message: string, options: ErrorOptions = {}) {
    super('storage', message, options);
  }
}
