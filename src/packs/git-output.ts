import { GitKilled, type GitProcess } from './git-process.ts';

export type GitOutput =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** More than `maxBytes`; git runs on. */
  | { readonly kind: 'large'; readonly begun: readonly Buffer[] }
  | { readonly kind: 'failed'; readonly detail: string };

/** All it puts out, or what it begins with, somewhat more than `maxBytes`. Ends it after `timeoutMs`. Rejects only on abort. */
export async function collectOutput(
  child: GitProcess,
  maxBytes: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<GitOutput> {
  const begun: Buffer[] = [];
  const timer = setTimeout(child.kill, timeoutMs);
  try {
    for (let size = 0; size <= maxBytes; ) {
      const next = await child.output.next();
      if (next.done) {
        const { isOk, detail } = await child.ended;
        signal.throwIfAborted();
        return isOk ? { kind: 'bytes', bytes: Buffer.concat(begun) } : { kind: 'failed', detail };
      }
      size += next.value.length;
      begun.push(next.value);
    }
    return { kind: 'large', begun };
  } catch (error) {
    child.kill();
    signal.throwIfAborted();
    if (!(error instanceof GitKilled)) throw error;
    return { kind: 'failed', detail: `was ended: it took longer than ${timeoutMs} ms` };
  } finally {
    clearTimeout(timer);
  }
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
