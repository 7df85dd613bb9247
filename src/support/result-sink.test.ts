import { expect, test } from 'vitest';
import { createResultSink } from './result-sink.ts';

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Fails with `failures` in turn, and takes everything afterwards. */
function sinkOver(failures: readonly (Error | undefined)[]) {
  const taken: string[] = [];
  const left = [...failures];
  const sink = createResultSink({
    write(bytes, done) {
      const error = left.shift();
      if (error === undefined) taken.push(Buffer.from(bytes).toString());
      setImmediate(() => done(error));
    },
  });
  return { sink, taken };
}

test('settles when everything was taken', async () => {
  const { sink, taken } = sinkOver([]);
  await sink.settled();
  sink.write('one');
  sink.write('two');
  await sink.settled();
  expect(taken).toEqual(['one', 'two']);
});

test.each(['ENOSPC', 'EIO', 'EBADF', 'EDQUOT', 'EAGAIN'])(
  'a result that %s has cut short is a failure, whatever is taken later',
  async (code) => {
    const { sink } = sinkOver([undefined, failure(code)]);
    sink.write('one');
    sink.write('two');
    await expect(sink.settled()).rejects.toThrow(code);
    sink.write('three');
    await expect(sink.settled()).rejects.toThrow(code);
  },
);

test('whoever went away has read enough of a text, and lacks the rest of a file', async () => {
  const { sink } = sinkOver([failure('EPIPE'), failure('EPIPE')]);
  sink.write('a list');
  await sink.settled();
  await expect(sink.writeBytes(Buffer.from('a file'))).rejects.toThrow('EPIPE');
});
