import { expect, test } from 'vitest';
import { type OnClose, withClosing } from './closing.ts';

/** Opens two things, of which `b` cannot be closed if told so. */
function open(onClose: OnClose, closed: string[], isBroken = false): void {
  onClose(async () => void closed.push('a'));
  onClose(async () => {
    closed.push('b');
    if (isBroken) throw new Error('b does not close');
  });
}

test('what was opened is closed when the work has ended', async () => {
  const closed: string[] = [];
  const result = await withClosing(async (onClose) => {
    open(onClose, closed);
    return closed.length;
  });
  expect({ result, closed }).toEqual({ result: 0, closed: ['a', 'b'] });
});

test('what was opened by then is closed when the work fails, and its failure is the one that is told', async () => {
  const closed: string[] = [];
  const work = withClosing(async (onClose) => {
    open(onClose, closed, true);
    throw new Error('the work failed');
  });
  await expect(work).rejects.toThrow('the work failed');
  expect(closed).toEqual(['a', 'b']);
});

test('what cannot be closed keeps nothing else from it, and is told', async () => {
  const closed: string[] = [];
  await expect(withClosing(async (onClose) => open(onClose, closed, true))).rejects.toThrow(
    'b does not close',
  );
  expect(closed).toEqual(['a', 'b']);
});
