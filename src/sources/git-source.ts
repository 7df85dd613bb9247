import type { SourceConfig } from '../config/config.ts';
import { found, type Lookup, unavailable } from '../model/lookup.ts';
import type { HttpClient } from '../support/fetch-http.ts';
import { type LinkedSignal, linkSignals } from '../support/link-signals.ts';
import type { AddressForm } from './archive-address.ts';
import { createCredentials } from './credentials.ts';
import { defaultGitTimeouts, type GitContext, type GitTimeouts, type InTurn } from './git-context.ts';
import { openArchiveAt, openAssetAt, openSymbolsAt } from './open-archive.ts';
import { type LocatedSnapshot, type ReadingSteps, readingSteps, readSnapshot } from './read-snapshot.ts';
import { type RemoteIndex, readRemoteHead } from './remote-head.ts';
import { type OpenedBody, type Snapshot, type Source, SourceClosedError } from './source.ts';

export interface GitSourceOptions {
  /** Absolute path of the shared object store, `objects` of the registry's repository. */
  readonly objectDirectory: string;
  /** The tree of a commit in that store, if both can be read there. */
  readonly treeOf: (commit: string) => Promise<string | undefined>;
  /** Absolute path of a folder for this source alone; created on demand, may be deleted at any time between calls. */
  readonly gitDirectory: string;
  /** Shared with others; closing the source leaves it open. */
  readonly http: HttpClient;
  /** At once, if left out. */
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
  const context: GitContext = {
    config,
    http: options.http,
    credentials: createCredentials(config),
    objectDirectory: options.objectDirectory,
    gitDirectory: options.gitDirectory,
    inTurn: options.inTurn ?? ((signal, work) => work(signal)),
    timeouts: { ...defaultGitTimeouts, totalMs: config.limits.fetchMs, ...options.timeouts },
  };
  const run = createRunner(config);
  let lastGood: Snapshot | undefined;
  let form: AddressForm = 'split';
  const steps = { ...readingSteps, ...options.steps };
  const locate = async (commit: string | undefined): Promise<LocatedSnapshot | undefined> => {
    const tree = commit === undefined ? undefined : await options.treeOf(commit);
    return commit === undefined || tree === undefined ? undefined : { commit, tree };
  };
  return {
    config,
    readSnapshot: (known, signal) =>
      run(signal, async (linked) => {
        const start = lastGood?.commit === known ? lastGood : locate(known);
        const result = await readSnapshot(context, start, linked, steps);
        if (result.kind === 'found') lastGood = result.value;
        return result;
      }),
    openArchive: (module, version, signal) =>
      run(signal, async (linked) => {
        const opened = await openArchiveAt(context, module, version, form, linked);
        if (opened.result.kind === 'found') form = opened.form ?? form;
        return opened.result;
      }),
    openSymbols: (etag, signal) => run(signal, (linked) => openSymbolsAt(context, etag, linked)),
    openAsset: (assetPath, signal) => run(signal, (linked) => openAssetAt(context, assetPath, linked)),
    probe: (signal) =>
      run(signal, async (linked) => {
        const startedAt = performance.now();
        const head = await readRemoteHead(context, linked, 0);
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
  /** Runs a call that the caller's signal or `close` ends, whichever comes first; that holds for its body too. */
  <T>(signal: AbortSignal | undefined, call: (signal: AbortSignal) => Promise<Lookup<T>>): Promise<Lookup<T>>;
  close(): Promise<void>;
}

function createRunner(config: SourceConfig): Runner {
  const running = new Set<LinkedSignal>();
  const calls = new Set<Promise<unknown>>();
  const closing = new AbortController();

  async function run<T>(
    signal: AbortSignal | undefined,
    call: (signal: AbortSignal) => Promise<Lookup<T>>,
  ): Promise<Lookup<T>> {
    signal?.throwIfAborted();
    closing.signal.throwIfAborted();
    if (!config.enabled)
      return unavailable({ reason: 'disabled', detail: `source "${config.name}" is disabled` });
    const linked = linkSignals([signal, closing.signal]);
    running.add(linked);
    const finish = () => {
      running.delete(linked);
      linked.unlink();
    };
    let body: OpenedBody['body'] | undefined;
    try {
      const answer = call(linked.signal);
      calls.add(answer);
      const result = await answer.finally(() => calls.delete(answer));
      body = result.kind === 'found' ? bodyOf(result.value) : undefined;
      body?.once('close', finish);
      return result;
    } finally {
      if (body === undefined) finish();
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

function bodyOf(value: unknown): OpenedBody['body'] | undefined {
  return typeof value === 'object' && value !== null && 'body' in value
    ? (value as OpenedBody).body
    : undefined;
}
