import type { Readable } from 'node:stream';
import { endProcess } from '../support/git/end-process.ts';
import { gitConfigVariables, gitEnvironment, ignoreBrokenPipe, spawnGit } from '../support/git/git.ts';
import { type Chunks, quietOutput } from './quiet-output.ts';
import type { GitProtocol } from './upload-request.ts';

/** One running `git upload-pack`. The caller reads `output` to its end, or kills it. */
export interface GitProcess {
  /** Fails with `GitKilled` once it is killed. */
  readonly output: Chunks;
  /** Never rejects; settles when the process is gone and all of its output has come. */
  readonly ended: Promise<{ readonly isOk: boolean; readonly detail: string }>;
  /** Ends it and its helpers; harmless later. */
  kill(): void;
}

/** What whoever still reads the output of a killed git is told. */
export class GitKilled extends Error {
  constructor() {
    super('git upload-pack was ended');
    this.name = 'GitKilled';
  }
}

const maxStderrCharacters = 4096;

/**
 * Only `main` and HEAD are visible, whatever the repository's own configuration says: for hidden refs the last
 * matching rule counts, and the environment is read last.
 */
const uploadConfig = [
  ['safe.directory', '*'],
  ['uploadpack.hideRefs', 'refs/'],
  ['uploadpack.hideRefs', '!refs/heads/main'],
  ['uploadpack.allowFilter', 'false'],
  ['uploadpack.allowRefInWant', 'false'],
  ['uploadpack.allowTipSHA1InWant', 'false'],
  ['uploadpack.allowReachableSHA1InWant', 'false'],
  ['uploadpack.advertiseBundleURIs', 'false'],
  ['transfer.advertiseSID', 'false'],
  ['transfer.advertiseObjectInfo', 'false'],
] as const;

/** Runs `git upload-pack` on a bare repository with `input`, or for its advertisement without. */
export function startUploadPack(
  gitDir: string,
  protocol: GitProtocol,
  input: Buffer | undefined,
): GitProcess {
  const mode = input === undefined ? ['--stateless-rpc', '--advertise-refs'] : ['--stateless-rpc'];
  const child = spawnGit(['upload-pack', '--strict', ...mode, gitDir], {
    env: gitEnvironment({
      ...gitConfigVariables([
        ...uploadConfig,
        // The wants of a request were checked before: against the tip, and those that were the tip a moment ago.
        ['uploadpack.allowAnySHA1InWant', input === undefined ? 'false' : 'true'],
      ]),
      GIT_PROTOCOL: protocol === 0 ? undefined : `version=${protocol}`,
    }),
  });
  child.stdin.on('error', ignoreBrokenPipe);
  child.stdin.end(input);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(0, maxStderrCharacters);
  });
  const ended = new Promise<{ isOk: boolean; detail: string }>((resolve) => {
    child.on('error', (error) => resolve({ isOk: false, detail: error.message }));
    child.on('close', (status, signal) =>
      resolve({ isOk: status === 0, detail: `exited with ${status ?? signal}: ${stderr.trim()}` }),
    );
  });
  const { output, discard } = readOrDiscard(child.stdout);
  return {
    output: quietOutput(output),
    ended,
    kill() {
      discard();
      endProcess(child);
    },
  };
}

/**
 * A pipe that is read to its end also when nobody wants what comes: where it were closed, git would end at its next write,
 * without having waited for its helper.
 */
function readOrDiscard(pipe: Readable): { readonly output: Chunks; readonly discard: () => void } {
  const all: Chunks = pipe[Symbol.asyncIterator]();
  const discarded = new AbortController();
  const killed = new Promise<never>((_, reject) => {
    discarded.signal.addEventListener('abort', () => reject(new GitKilled()), { once: true });
  });
  killed.catch(() => {});
  const discardAll = async () => {
    while (!(await all.next()).done);
  };
  return {
    output: { next: () => Promise.race([killed, all.next()]) },
    discard() {
      if (discarded.signal.aborted) return;
      discarded.abort();
      // A pipe that breaks off holds nobody any more.
      discardAll().catch(() => {});
    },
  };
}
