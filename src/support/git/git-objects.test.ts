import { expect, onTestFinished, test, vi } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { runGit } from './git.ts';
import { createGitObjectReader } from './git-objects.ts';

async function createRepository() {
  const gitDir = await temporaryDirectory();
  await runGit(['init', '--quiet', '--bare', gitDir], {});
  const write = async (text: string) => {
    const output = await runGit(['hash-object', '-w', '--stdin'], { gitDir, input: text });
    return output.toString().trim();
  };
  const reader = createGitObjectReader(gitDir);
  onTestFinished(() => reader.close());
  return { reader, write };
}

test('of many questions at once each gets its own answer', async () => {
  const { reader, write } = await createRepository();
  const texts = ['one\n', 'two\n', '', 'with\nnewlines\n\n'];
  const ids = await Promise.all(texts.map(write));
  const missing = 'f'.repeat(40);
  const asked = Array.from({ length: 5000 }, (_, at) => (at * 7) % 5);
  const answers = await Promise.all(asked.map((which) => reader.read(ids[which] ?? missing)));
  expect(answers.map((answer) => answer?.content.toString())).toEqual(asked.map((which) => texts[which]));
  expect((await reader.identify(ids[1] ?? ''))?.type).toBe('blob');
});

test('questions asked while others are answered are answered as well', async () => {
  const { reader, write } = await createRepository();
  const ids = await Promise.all(['a', 'b'].map(write));
  const chain = async (which: number) => {
    const seen: (string | undefined)[] = [];
    for (let round = 0; round < 50; round++)
      seen.push((await reader.read(ids[(which + round) % 2] ?? ''))?.content.toString());
    return seen.join('');
  };
  const chains = await Promise.all(Array.from({ length: 20 }, (_, which) => chain(which)));
  expect(chains).toEqual(chains.map((_, which) => (which % 2 === 0 ? 'ab' : 'ba').repeat(25)));
});

function whyNot(outcome: PromiseSettledResult<unknown>): string | undefined {
  return outcome.status === 'rejected' ? outcome.reason.message : undefined;
}

test('what was asked before it was closed is answered, and what is asked later is refused', async () => {
  const { reader, write } = await createRepository();
  const id = await write('one\n');
  const asked = Array.from({ length: 100 }, () => reader.read(id));
  reader.close();
  const late = Promise.allSettled([reader.read(id), reader.identify(id)]);
  expect((await Promise.all(asked)).map((answer) => answer?.content.toString())).toEqual(
    asked.map(() => 'one\n'),
  );
  expect((await late).map(whyNot)).toEqual(Array(2).fill('git cat-file was closed'));
  reader.close();
  reader.kill();
  await expect(reader.read(id)).rejects.toThrow('git cat-file was closed');
});

test('what was asked of one that is ended at once, or that cannot start, is refused', async () => {
  const { reader, write } = await createRepository();
  // More than a pipe holds: it cannot have been answered before we read.
  const id = await write('x'.repeat(1_000_000));
  await reader.read(id);
  const asked = [reader.read(id), reader.read(id)];
  reader.kill();
  expect((await Promise.allSettled([...asked, reader.read(id)])).map(whyNot)).toEqual([
    'git cat-file ended with SIGKILL',
    'git cat-file ended with SIGKILL',
    'git cat-file was closed',
  ]);
  vi.stubEnv('PATH', '/nowhere');
  onTestFinished(() => void vi.unstubAllEnvs());
  await expect(createGitObjectReader('/nowhere').read(id)).rejects.toThrow('git is not installed');
});
