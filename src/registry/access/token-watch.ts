import type { OidcEntry } from '../../config/config.ts';
import type { Log } from '../../support/log.ts';
import type { AccessStore } from './access-store.ts';
import { type KnownTokens, knowTokens } from './known-tokens.ts';

/** So often is looked for another version: a token that was revoked counts no longer than this, and a reading. */
const lookEveryMs = 250;
/** A process that did not come to look for so long asks before it lets anybody in. */
const trustedForMs = 900;

/** Who may, as of a moment ago; for each process that serves. */
export interface TokenWatch {
  /** `undefined` while it is not known: then nobody is let in by a token, and is to come again. */
  glance(): KnownTokens | undefined;
  /** Looks now, for a process that has just made a change or begins to serve. */
  look(): Promise<void>;
  close(): void;
}

export interface TokenWatchOptions {
  readonly store: Pick<AccessStore, 'version' | 'read' | 'readRevocations'>;
  /** Those that people may have logged in by, as they are now. */
  readonly entries: () => readonly OidcEntry[];
  readonly log: Log;
  /** Milliseconds since any moment. */
  readonly now: () => number;
}

/** Looks by itself, until it is closed. */
export function watchTokens({ store, entries, log, now }: TokenWatchOptions): TokenWatch {
  let known: { readonly version: string | undefined; readonly tokens: KnownTokens } | undefined;
  let sureUntil = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;
  let isFailing = false;

  async function lookOnce(): Promise<void> {
    const begunAt = now();
    try {
      const version = store.version();
      if (!known || version !== known.version) {
        const [tokens, revocations] = [await store.read(version), await store.readRevocations(version)];
        known = { version, tokens: knowTokens(tokens, revocations, entries) };
      }
      sureUntil = begunAt + trustedForMs;
      if (isFailing) log.info('tokens can be read again');
      isFailing = false;
    } catch (error) {
      if (!isFailing) log.error('tokens cannot be read: nobody is let in by one until they can', { error });
      isFailing = true;
    }
  }

  const lookOrJoin = () => {
    looking ??= lookOnce().finally(() => {
      looking = undefined;
    });
    return looking;
  };

  /** One that was begun before may have read what was so before. */
  async function look(): Promise<void> {
    await looking;
    await lookOrJoin();
  }

  function isUnchanged(): boolean {
    try {
      return known !== undefined && store.version() === known.version;
    } catch {
      return false;
    }
  }

  // A process that was kept busy finds out now that nothing has changed, or lets nobody in for the moment.
  function isSure(): boolean {
    if (now() < sureUntil) return true;
    const askedAt = now();
    if (isUnchanged()) sureUntil = askedAt + trustedForMs;
    else void lookOrJoin();
    return now() < sureUntil;
  }

  const timer = setInterval(() => void lookOrJoin(), lookEveryMs).unref();
  return {
    glance: () => (isSure() ? known?.tokens : undefined),
    look,
    close: () => clearInterval(timer),
  };
}
