/** How bytes leave by standard output and standard error, whatever these are: files, pipes, sockets, terminals. */
import { closeSync, fstatSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Where bytes go, in the order given. */
export interface ByteDevice {
  /** Never throws. Calls back when the system has all of them, or with what kept it from that; at once or later. */
  write(bytes: Uint8Array, done: (error?: unknown) => void): void;
}

interface StandardStream {
  write(bytes: Uint8Array, done: (error?: Error | null) => void): unknown;
  on(event: 'error', listener: () => void): unknown;
}

export interface OpenedStream {
  readonly device: ByteDevice;
  /** A terminal that is held (Ctrl-S) keeps the process only until this is called. */
  stopBlocking(): void;
}

/**
 * What Node makes of files takes the part that fitted for the whole, so we write to those ourselves; to all else Node
 * does, without waiting for whoever reads. `fd` is 1 or 2, and `stream` what Node made of it.
 */
export function openStandardStream(fd: number, stream: StandardStream): OpenedStream {
  // Each write tells its own failure; unheard, the event would end the process.
  stream.on('error', () => {});
  if (isFile(fd)) return { device: createFileDevice(fd, writeSync), stopBlocking() {} };
  return { device: createStreamDevice(stream), stopBlocking: () => unblock(stream) };
}

function isFile(fd: number): boolean {
  try {
    const facts = fstatSync(fd);
    return !facts.isFIFO() && !facts.isSocket() && !isatty(fd);
  } catch {
    return false;
  }
}

type Write = (fd: number, bytes: Uint8Array) => number;

/** At once and whole, so that what goes to two streams of one file stays in order. */
export function createFileDevice(fd: number, write: Write): ByteDevice {
  let isTorn = false;
  const put = (bytes: Uint8Array) => {
    for (let rest = bytes; rest.length > 0; isTorn = rest.length > 0) {
      const taken = write(fd, rest);
      if (taken === 0) throw new Error('nothing is taken');
      rest = rest.subarray(taken);
    }
  };
  return {
    write(bytes, done) {
      try {
        // A part of a line that fitted must not run into the next one.
        if (isTorn) put(newline);
        put(bytes);
      } catch (error) {
        return done(error);
      }
      done();
    },
  };
}

const newline = Buffer.from('\n');

function createStreamDevice(stream: StandardStream): ByteDevice {
  return {
    write(bytes, done) {
      try {
        stream.write(bytes, (error) => done(error ?? undefined));
      } catch (error) {
        done(error);
      }
    },
  };
}

/** Node writes to terminals only as fast as they take it. Its handle is the one way to tell it otherwise. */
function unblock(stream: object): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?(isBlocking: boolean): unknown } };
  handle?.setBlocking?.(false);
}

/**
 * To be called at the start; what it returns, at the very end. Node puts terminals back as they were, and aborts where one
 * has been closed meanwhile: it leaves alone what is not open.
 */
export function watchTerminals(): () => void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  return () => {
    for (const fd of terminals.filter((terminal) => !isatty(terminal))) closeSync(fd);
  };
}
