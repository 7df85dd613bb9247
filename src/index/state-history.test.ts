import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { runGit } from '../support/git/git.ts';
import { createStateHistory } from './state-history.ts';

/** States as they are written: the first one's parent is a served commit, and so is the second parent of some others. */
async function writeStates(gitDir: string, count: number, base?: string): Promise<string[]> {
  const commit = (mark: number, seconds: number, parents: readonly string[]) =>
    [
      `commit refs/heads/c${mark}\nmark :${mark}\ncommitter test <test@example.com> ${seconds} +0000\ndata 0`,
      ...parents.map((parent, i) => `${i === 0 ? 'from' : 'merge'} ${parent}`),
      '',
    ].join('\n');
  const states = Array.from({ length: count }, (_, i) => {
    const before = i === 0 ? base : `:${i + 1}`;
    const parents = before === undefined ? [':1'] : [before, ...(i % 2 === 1 ? [':1'] : [])];
    return `${commit(i + 2, startSeconds + i, parents)}get-mark :${i + 2}\n`;
  });
  // Each call's commits differ by the time of the first.
  const input = `feature done\n${commit(1, ++servedSeconds, [])}${states.join('')}done\n`;
  const args = ['fast-import', '--quiet', '--force', '--date-format=raw'];
  return (await runGit(args, { gitDir, input })).toString().trim().split('\n');
}

const startSeconds = Date.parse('2026-11-27T10:00:00Z') / 1000;
let servedSeconds = 0;

async function repository() {
  const gitDir = temporaryDirectory();
  await runGit(['init', '-q', '--bare', gitDir]);
  return gitDir;
}

async function idsUpTo(read: ReturnType<typeof createStateHistory>, tip: string): Promise<string[]> {
  const timeline = await read(tip);
  return Array.from({ length: timeline.count }, (_, position) => timeline.idAt(position));
}

test('all states are listed, oldest first, and no served commit; later ones are added', async () => {
  const gitDir = await repository();
  const states = await writeStates(gitDir, 5);
  const read = createStateHistory(gitDir);
  expect(await idsUpTo(read, states[2] ?? '')).toEqual(states.slice(0, 3));
  const before = await read(states[2] ?? '');
  expect(await idsUpTo(read, states[4] ?? '')).toEqual(states);
  expect(await read(states[4] ?? '')).toBe(before);
  expect(before.secondsAt(4)).toBe(startSeconds + 4);
  // Whoever has looked a moment ago finds more than it needs.
  expect(await read(states[1] ?? '')).toBe(before);
  const more = await writeStates(gitDir, 3, states[4]);
  const all = await Promise.all([idsUpTo(read, more[1] ?? ''), idsUpTo(read, more[2] ?? '')]);
  expect(all[1]).toEqual([...states, ...more]);
});

test('data that were replaced are listed anew, and a failure leaves what was known', async () => {
  const gitDir = await repository();
  const [first, other] = [await writeStates(gitDir, 3), await writeStates(gitDir, 4)];
  const read = createStateHistory(gitDir);
  expect(await idsUpTo(read, first[2] ?? '')).toEqual(first);
  await expect(read('f'.repeat(40))).rejects.toThrow('is damaged');
  expect(await idsUpTo(read, first[2] ?? '')).toEqual(first);
  expect(await idsUpTo(read, other[3] ?? '')).toEqual(other);
});
