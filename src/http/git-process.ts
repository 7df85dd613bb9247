import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { gitConfigVariables, gitEnvironment, ignoreBrokenPipe, spawnGit } from '../support/git.ts';
import type { GitProtocol } from './upload-request.ts';

/** One running `git upload-pack`. The caller reads or destroys `stdout`. */
export interface GitProcess {
  readonly stdout: Readable;
  /** Never rejects; settles when the process is gone and its output was read or destroyed. */
  readonly ended: Promise<{ readonly isOk: boolean; readonly detail: string }>;
  /** Ends it and its helpers; harmless later. */
  kill(): void;
}

const maxStderrCharacters = 4096;
const killAfterMs = 2000;

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
    detached: true,
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
  return {
    stdout: child.stdout,
    ended,
    kill() {
      child.stdout.destroy();
      endProcessGroup(child);
    },
  };
}

/** The group, because pack-objects runs beside upload-pack. */
function endProcessGroup(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const signal = (name: NodeJS.Signals) => {
    try {
      process.kill(-pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  signal('SIGTERM');
  const timer = setTimeout(() => signal('SIGKILL'), killAfterMs);
  child.once('exit', () => clearTimeout(timer));
}
