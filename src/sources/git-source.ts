import type { SourceConfig } from '../config/config.ts';
import { found, type Lookup, type SourceFailure, unavailable } from '../model/lookup.ts';
import type { Environment } from '../support/environment.ts';
import { linkSignals } from '../support/flow/link-signals.ts';
import { type MonotonicClock, systemClock } from '../support/flow/monotonic-clock.ts';
import { readGitVersion } from '../support/git/git-version.ts';
import type { Resolve } from '../support/net/destination.ts';
import type { HttpClient } from '../support/net/fetch-http.ts';
import type { AddressForm } from './archive-address.ts';
import {
  type Credentials,
  type CredentialsReading,
  createCredentialsReader,
  type ReadCredentials,
} from './credentials.ts';
import { createDestinations } from './destinations.ts';
import { defaultGitTimeouts, type GitContext, type GitTimeouts, type InTurn } from './git-context.ts';
import { sourceKinds } from './kinds.ts';
import { maskError, maskLookup } from './masked-lookup.ts';
import { type OpenContext, openArchiveAt, openAssetAt, openSymbolsAt } from './open-over-http.ts';
import { createDescribedReader } from './read-described.ts';
import { type LocatedSnapshot, type ReadingSteps, readingSteps, readSnapshot } from './read-snapshot.ts';
import { type RemoteIndex, readRemoteHead } from './remote-head.ts';
import { bodyOf, type OpenedBody, type Source, SourceClosedError } from './source.ts';

export interface GitSourceOptions {
  /** Absolute path of the shared object store, `objects` of the registry's repository. */
  readonly objectDirectory: string;
  /** The tree of a commit in that store, if both can be read there. */
  readonly treeOf: (commit: string) => Promise<string | undefined>;
  /** Absolute path of a folder for this source alone; created on demand, may be deleted at any time between calls. */
  readonly gitDirectory: string;
  /** Made with `createDestinations(config)`; closing the source leaves it open. */
  readonly http: HttpClient;
  /** Names the proxies, and what references of its credentials lead to. */
  readonly env: Environment;
  /** Resolves names; `dns.lookup` unless given. */
  readonly resolve?: Resolve | undefined;
  /** Asks for assets and symbols; `http` does, unless given. */
  readonly assetHttp?: HttpClient | undefined;
  /** Measures how fast bodies arrive. */
  readonly clock?: Pick<MonotonicClock, 'now'> | undefined;
  /** Waits for the turn to fetch; fetches at once, unless given. */
  readonly inTurn?: InTurn | undefined;
  readonly timeouts?: Partial<GitTimeouts> | undefined;
  /** How the steps of reading an index are done, where not as usual. */
  readonly steps?: Partial<ReadingSteps> | undefined;
}

/**
 * A registry whose index is a git repository (smart or dumb HTTP, a local folder, ssh) and whose archives are files
 * at its download address. A disabled source answers `disabled` to everything and contacts nobody (rule 6).
 */
export function createGitSource(config: SourceConfig, options: GitSourceOptions): Source {
  let gitVersion: Promise<string> | undefined;
  const context: Omit<GitContext, 'credentials'> = {
    config,
    env: options.env,
    http: options.http,
    destinations: createDestinations(config),
    gitVersion: () => (gitVersion ??= readGitVersion()),
    resolve: options.resolve,
    objectDirectory: options.objectDirectory,
    gitDirectory: options.gitDirectory,
    inTurn: options.inTurn ?? ((signal, work) => work(signal)),
    timeouts: { ...defaultGitTimeouts, totalMs: config.limits.fetchMs, ...options.timeouts },
  };
  const { http, assetHttp = http, clock = systemClock } = options;
  const assets: Omit<OpenContext, 'credentials'> = { config, http: assetHttp, clock };
  const archives: Omit<OpenContext, 'credentials'> = { config, http, clock };
  const run = createRunner(config, (signal) => createCredentialsReader(config, options.env, { signal }));
  let lastGood: LocatedSnapshot | undefined;
  const described = sourceKinds[config.type].describesItself ? createDescribedReader() : undefined;
  let form: AddressForm = 'split';
  const steps = { ...readingSteps, ...options.steps };
  const locate = async (commit: string | undefined): Promise<LocatedSnapshot | undefined> => {
    const tree = commit === undefined ? undefined : await options.treeOf(commit);
    return commit === undefined || tree === undefined ? undefined : { commit, tree };
  };
  return {
    config,
    readSnapshot: (known, signal) =>
      run(signal, async (linked, credentials) => {
        const start = lastGood?.commit === known ? lastGood : locate(known);
        const reading = { ...context, credentials };
        const readIndex = () => readSnapshot(reading, start, linked, steps);
        const result = await (described?.read(reading, Promise.resolve(start), readIndex, linked) ??
          readIndex());
        if (result.kind === 'found') lastGood = { commit: result.value.commit, tree: result.value.tree };
        return result;
      }),
    openArchive: (module, version, signal) =>
      run(signal, async (linked, credentials) => {
        const opened = await openArchiveAt({ ...archives, credentials }, module, version, form, linked);
        if (opened.result.kind === 'found') form = opened.form ?? form;
        return opened.result;
      }),
    openSymbols: (etag, signal) =>
      run(signal, (linked, credentials) => openSymbolsAt({ ...assets, credentials }, etag, linked)),
    openAsset: (assetPath, signal) =>
      run(signal, (linked, credentials) => openAssetAt({ ...assets, credentials }, assetPath, linked)),
    probe: (signal) =>
      run(signal, async (linked, credentials) => {
        const startedAt = performance.now();
        const head = await readRemoteHead({ ...context, credentials }, linked, 0);
        return toProbe(head, Math.round(performance.now() - startedAt));
      }),
    close: run.close,
  };
}

function toProbe(head: Lookup<RemoteIndex>, latencyMs: number) {
  if (head.kind !== 'found') return head;
  return found({ transport: head.value.transport, latencyMs, commit: head.value.commit });
}

interface Runner {
  /**
   * Runs a call that the caller's signal or `close` ends, whichever comes first; that holds for its body too. It is given
   * the credentials as they are now, and nobody is asked without them; where they are refused, and there are others meanwhile, once
   * more. What it says, and what it throws, is masked.
   */
  <T>(signal: AbortSignal | undefined, call: Call<T>): Promise<Lookup<T>>;
  close(): Promise<void>;
}

type Call<T> = (signal: AbortSignal, credentials: Credentials) => Promise<Lookup<T>>;

function createRunner(config: SourceConfig, createReader: (closing: AbortSignal) => ReadCredentials): Runner {
  const calls = new Set<Promise<unknown>>();
  const closing = new AbortController();
  const readCredentials = createReader(closing.signal);

  async function run<T>(signal: AbortSignal | undefined, call: Call<T>): Promise<Lookup<T>> {
    signal?.throwIfAborted();
    closing.signal.throwIfAborted();
    if (!config.enabled)
      return unavailable({ reason: 'disabled', detail: `source "${config.name}" is disabled` });
    const first = await runWith(signal, call, await readCredentials());
    if (first.credentials === undefined || !isRefusal(first.result)) return first.result;
    const again = await readCredentials(first.credentials);
    const hasOthers = again.kind === 'ready' && again.credentials !== first.credentials;
    return hasOthers ? (await runWith(signal, call, again)).result : first.result;
  }

  async function runWith<T>(
    signal: AbortSignal | undefined,
    call: Call<T>,
    reading: CredentialsReading,
  ): Promise<{ readonly result: Lookup<T>; readonly credentials?: Credentials }> {
    signal?.throwIfAborted();
    closing.signal.throwIfAborted();
    if (reading.kind === 'missing') return { result: unavailable(whyNotAsked(reading)) };
    const { credentials } = reading;
    const linked = linkSignals([signal, closing.signal]);
    let body: OpenedBody['body'] | undefined;
    try {
      const answer = call(linked.signal, credentials);
      calls.add(answer);
      const said = maskLookup(await answer.finally(() => calls.delete(answer)), credentials.mask);
      const result = withAdvice(said);
      body = bodyOf(result);
      body?.once('close', linked.unlink);
      return { result, credentials };
    } catch (error) {
      throw maskError(error, credentials.mask);
    } finally {
      if (body === undefined) linked.unlink();
    }
  }

  return Object.assign(run, {
    close: async () => {
      closing.abort(new SourceClosedError(config.name));
      // Each ends soon: what it started is killed, and must be gone before we are.
      await Promise.allSettled(calls);
    },
  });
}

function isRefusal(result: Lookup<unknown>): boolean {
  return result.kind === 'unavailable' && result.cause.reason === 'unauthorized';
}

function whyNotAsked({
  reason,
  problem,
}: Extract<CredentialsReading, { readonly kind: 'missing' }>): SourceFailure {
  const what = reason === 'tls' ? 'no secure connection can be made' : 'its credentials cannot be sent';
  return { reason, detail: `${what}: ${problem}` };
}

/** Once for the whole call, behind all that was said: it holds no secret, and must not be cut off. */
function withAdvice<T>(result: Lookup<T>): Lookup<T> {
  if (result.kind !== 'unavailable' || result.cause.advice === undefined) return result;
  const { advice, ...cause } = result.cause;
  return unavailable({ ...cause, detail: `${cause.detail}; ${advice}` });
}
