import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { answer } from '../../src/demo/git-http-backend.ts';
import { startUpstream } from '../support/worlds.ts';
import { type RefsQuestion, rememberAdvertisement } from './advertised-refs.ts';

const lsRefs = Buffer.from('0014command=ls-refs\n0000');

test.each<[string, RefsQuestion, string[]]>([
  ['info/refs', { protocol: '' }, ['settings', 'refs']],
  ['info/refs of version 2, which names no ref', { protocol: 'version=2' }, ['settings']],
  ['ls-refs', { protocol: 'version=2', lsRefs }, ['settings', 'refs', 'words']],
])('git is asked again about %s when what decides it has changed', async (what, question, decisive) => {
  const { index, publish } = await startUpstream(['alice/json@1.0.0']);
  let asked = 0;
  const ask = (words: RefsQuestion = question) =>
    rememberAdvertisement(index.repository, words, async () => answer(200, `${++asked}`));
  const isAskedAfter = async (change: () => unknown, words?: RefsQuestion) => {
    await change();
    const before = asked;
    const [first, second] = [await ask(words), await ask(words)];
    expect(second.body).toEqual(first.body);
    return asked > before;
  };
  const config = join(index.repository, 'config');
  // Settings that nobody else has.
  expect(await isAskedAfter(() => appendFileSync(config, `# ${what}\n`))).toBe(true);
  expect(await isAskedAfter(() => undefined)).toBe(false);
  const found: string[] = [];
  if (await isAskedAfter(() => appendFileSync(config, '[x]\n\ty = 1\n'))) found.push('settings');
  if (await isAskedAfter(() => publish('alice/json@1.1.0'))) found.push('refs');
  const others = { ...question, ...(question.lsRefs && { lsRefs: Buffer.from('0000') }) };
  if (await isAskedAfter(() => undefined, others)) found.push('words');
  expect(found).toEqual(decisive);
});
