import { errorCode } from './error-code.ts';
import type { ByteDevice } from './standard-stream.ts';

/** Where results go. Whoever writes goes on, and hears at the end whether all of it was taken. */
export interface ResultSink {
  write(text: string): void;
  /** For bytes that must be whole: rejects where they were not taken. Resolves when more are welcome. */
  writeBytes(bytes: Uint8Array): Promise<void>;
  /** Resolves when all was taken, or whoever read went away because that was enough (`… | head`); rejects with why not. */
  settled(): Promise<void>;
}

export function createResultSink(device: ByteDevice): ResultSink {
  let waiting = 0;
  let failure: { readonly error: unknown } | undefined;
  let onSettled: (() => void)[] = [];
  const put = (bytes: Uint8Array, taken: (error?: unknown) => void) => {
    waiting++;
    device.write(bytes, (error) => {
      waiting--;
      if (error !== undefined) failure ??= { error };
      taken(error);
      if (waiting > 0) return;
      for (const settle of onSettled) settle();
      onSettled = [];
    });
  };
  return {
    write(text) {
      // The rest of what was cut short is of no use.
      if (failure === undefined) put(Buffer.from(text), () => {});
    },
    writeBytes: (bytes) =>
      new Promise((resolve, reject) =>
        put(bytes, (error) => (error === undefined ? resolve() : reject(error))),
      ),
    async settled() {
      if (waiting > 0) await new Promise<void>((resolve) => onSettled.push(resolve));
      if (failure !== undefined && errorCode(failure.error) !== 'EPIPE') throw failure.error;
    },
  };
}
