import type { SourceConfig } from '../config/config.ts';
import { type Lookup, type SourceFailure, unavailable } from '../model/lookup.ts';
import { linkSignals } from '../support/flow/link-signals.ts';
import { GitError } from '../support/git/git.ts';
import { writeCaBundle } from '../support/net/ca-bundle.ts';
import { transportFailure } from '../support/net/http-failure.ts';
import type { TlsSettings } from '../support/net/tls-settings.ts';
import { redact, showUrl } from '../support/redact.ts';
import { ownOrigins } from './destinations.ts';
import { type GitRouteContext, routeGit } from './git-route.ts';
import { readGitTrouble } from './git-trouble.ts';
import type { HttpAsker } from './http-answer.ts';
import { userAgentOf } from './user-agent.ts';

export type GitTransport = 'smart-http' | 'dumb-http' | 'file' | 'ssh';

export interface GitTimeouts {
  /** The longest time in which git may receive next to nothing. */
  readonly idleMs: number;
  /** The longest time from the start of a fetch to its end, and of each git command. */
  readonly totalMs: number;
}

export const defaultGitTimeouts: GitTimeouts = { idleMs: 30_000, totalMs: 600_000 };

/**
 * Runs work of which one at a time will do, whichever process does it. `signal` ends the waiting; the signal the work gets
 * ends as well when its turn is lost.
 */
export type InTurn = <T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>) => Promise<T>;

/** All that reading one source's index needs. */
export interface GitContext extends HttpAsker, GitRouteContext {
  /** Absolute path of the shared object store. */
  readonly objectDirectory: string;
  /** Waits for the turn to fetch from this source. */
  readonly inTurn: InTurn;
  readonly timeouts: GitTimeouts;
}

/** How an index address is read; `undefined` for addresses that nothing here can read. */
export function transportOf(indexUrl: string): 'http' | 'file' | 'ssh' | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(indexUrl)?.[1]?.toLowerCase();
  if (scheme === 'http' || scheme === 'https') return 'http';
  if (scheme === 'file' || scheme === 'ssh') return scheme;
  return scheme === undefined && /^[^/:]+:(?!:)/.test(indexUrl) ? 'ssh' : undefined;
}

/**
 * The environment of a git command that contacts `url`: everything it may know, and nothing on its command line. Throws
 * what `gitFailure` knows where the address must not be contacted.
 */
export async function remoteGitEnvironment(
  context: GitContext,
  url: string,
): Promise<Record<string, string | undefined>> {
  const isWeb = transportOf(url) === 'http';
  const tls = isWeb ? context.credentials.tlsFor(url) : undefined;
  const caBundle = await writeCaBundle(`${context.gitDirectory}/ca-bundle.pem`, context.env, tls?.ca);
  const route = isWeb ? await routeGit(context, url) : undefined;
  return {
    ...context.credentials.gitVariables(url, [
      ['safe.directory', '*'],
      // Objects are on the disk before anything names them.
      ['core.fsync', 'committed,loose-object'],
      ['gc.auto', '0'],
      ['maintenance.auto', 'false'],
      ['http.userAgent', userAgentOf(context.config)],
      // We have followed the redirects; git would repeat some headers at the next place.
      ['http.followRedirects', 'false'],
      // Else a host that asks for a Kerberos ticket is given one.
      ['http.emptyAuth', 'false'],
      ['http.lowSpeedLimit', '1'],
      ['http.lowSpeedTime', String(Math.ceil(context.timeouts.idleMs / 1000))],
      ...(route?.settings ?? []),
    ]),
    ...route?.variables,
    GIT_OBJECT_DIRECTORY: context.objectDirectory,
    GIT_ALLOW_PROTOCOL: 'http:https:file:ssh',
    ...(caBundle === undefined ? {} : { GIT_SSL_CAINFO: caBundle, GIT_PROXY_SSL_CAINFO: caBundle }),
    ...identityFor(context.config, url, tls),
  };
}

/** git takes files only, which were read a moment ago; those of the environment go no further than a source's own origins either. */
function identityFor(
  config: SourceConfig,
  url: string,
  tls: TlsSettings | undefined,
): Record<string, string | undefined> {
  const isOwn = URL.canParse(url) && ownOrigins(config).has(new URL(url).origin);
  if (!isOwn) return { GIT_SSL_CERT: undefined, GIT_SSL_KEY: undefined };
  if (tls?.identity === undefined) return {};
  return { GIT_SSL_CERT: config.tls?.certificate?.path, GIT_SSL_KEY: config.tls?.key?.path };
}

/** How long what was told to end may take to do so. */
const endingMs = 10_000;

/**
 * What `work` gives, or that it took longer than one fetch of this index may; what it began is ended then. Resolves even if
 * `work` never does.
 */
export async function withinFetchTime<T>(
  context: Pick<GitContext, 'config' | 'timeouts'>,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Lookup<T>>,
): Promise<Lookup<T>> {
  const linked = linkSignals([signal]);
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<Lookup<T>>((resolve) => {
    timer = setTimeout(() => {
      late.abort();
      linked.abort(new Error('the fetch took too long'));
      timer = setTimeout(() => resolve(unavailable(timeout(context))), endingMs);
    }, context.timeouts.totalMs);
  });
  const isLate = () => late.signal.aborted && !signal.aborted;
  try {
    const result = await Promise.race([work(linked.signal), overdue]);
    return result.kind !== 'found' && isLate() ? unavailable(timeout(context)) : result;
  } catch (error) {
    if (isLate()) return unavailable(timeout(context));
    throw error;
  } finally {
    clearTimeout(timer);
    linked.unlink();
  }
}

function timeout({ config, timeouts }: Pick<GitContext, 'config' | 'timeouts'>): SourceFailure {
  const seconds = Math.ceil(timeouts.totalMs / 1000);
  const detail = `the git repository ${showUrl(config.indexUrl)} was not read within ${seconds} s`;
  return { reason: 'timeout', detail };
}

/** What a failed git command, or one that could not be begun, means for its source. `undefined` for other failures. */
export function gitFailure(
  context: GitContext,
  transport: GitTransport,
  error: unknown,
): SourceFailure | undefined {
  const place = `the git repository ${showUrl(context.config.indexUrl)}`;
  if (!(error instanceof GitError)) {
    const cause = transportFailure(error);
    return cause && { ...cause, detail: `${place}: ${cause.detail}` };
  }
  if (error.timedOut) return timeout(context);
  // Of what has no end the beginning tells nothing.
  const told = error.exceeded === undefined ? redact(error.stderr, context.credentials.mask) : '';
  const said = told || error.message;
  if (error.stderr.includes(context.objectDirectory)) {
    const what = 'our own object store seems to be damaged (moonbit-registry verify)';
    return { reason: 'bad-answer', detail: `${place} cannot be stored, ${what}: ${said}` };
  }
  const detail = `${place} cannot be read: ${said}`;
  if (transport === 'ssh') return { reason: 'connection', detail };
  const trouble = transport === 'file' ? undefined : readGitTrouble(error.stderr);
  const advice = trouble?.reason === 'unauthorized' ? context.credentials.advice : undefined;
  return { reason: 'bad-answer', ...trouble, detail, advice };
}
