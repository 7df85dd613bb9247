import { GitKilled, type GitProcess } from './git-process.ts';
import type { Chunks } from './quiet-output.ts';

type Output =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** More than `maxBytes`; git runs on. */
  | { readonly kind: 'large'; readonly begun: readonly Buffer[] }
  | { readonly kind: 'failed'; readonly detail: string };

/** All it puts out, or what it begins with. Ends it after `timeoutMs`. Rejects only on abort. */
export async function collectOutput(
  child: GitProcess,
  maxBytes: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Output> {
  const kill = () => child.kill();
  signal.addEventListener('abort', kill, { once: true });
  const timer = setTimeout(kill, timeoutMs);
  let isGoingOn = false;
  try {
    signal.throwIfAborted();
    const { begun, isAll } = await readOutput(child.output, maxBytes);
    isGoingOn = !isAll;
    if (!isAll) return { kind: 'large', begun };
    const { isOk, detail } = await child.ended;
    return isOk ? { kind: 'bytes', bytes: Buffer.concat(begun) } : { kind: 'failed', detail };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof GitKilled)) throw error;
    return { kind: 'failed', detail: `was ended: it took longer than ${timeoutMs} ms` };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
    if (!isGoingOn) child.kill();
  }
}

/** All, or somewhat more than `maxBytes`. */
async function readOutput(chunks: Chunks, maxBytes: number) {
  const begun: Buffer[] = [];
  let size = 0;
  while (size <= maxBytes) {
    const next = await chunks.next();
    if (next.done) return { begun, isAll: true };
    size += next.value.length;
    begun.push(next.value);
  }
  return { begun, isAll: false };
}

/** What is left of its output. Throws, and tells, where git fails. It may be silent for `timeoutMs` at a time; how long a client takes to read is not its fault. */
export async function* relayOutput(
  child: GitProcess,
  timeoutMs: number,
  onFailure: (detail: string) => void,
): AsyncGenerator<Buffer> {
  let isSilent = false;
  const giveUp = () => {
    isSilent = true;
    child.kill();
  };
  try {
    for (;;) {
      const timer = setTimeout(giveUp, timeoutMs);
      const next = await child.output.next().finally(() => clearTimeout(timer));
      if (next.done) break;
      yield next.value;
    }
    const { isOk, detail } = await child.ended;
    if (!isOk) throw fail(onFailure, detail);
  } catch (error) {
    throw isSilent ? fail(onFailure, `was ended: it was silent for ${timeoutMs} ms`) : error;
  } finally {
    child.kill();
  }
}

function fail(onFailure: (detail: string) => void, detail: string): Error {
  onFailure(detail);
  return new Error(`git upload-pack ${detail}`);
}
