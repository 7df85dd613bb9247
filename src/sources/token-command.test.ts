import { expect, test } from 'vitest';
import type { CommandResult } from '../support/run-command.ts';
import { createTokenCommand } from './token-command.ts';

function world(results: readonly string[]) {
  let at = 0;
  const runs: { readonly words: readonly string[]; readonly env: Readonly<Record<string, string>> }[] = [];
  const command = createTokenCommand(
    { kind: 'command', words: ['give', 'token'], directory: '/srv/registry' },
    {
      env: { PATH: '/bin', HOME: '/home/x', HTTPS_PROXY: 'http://p:1', PARTNER_TOKEN: 'hush', GIT_DIR: '/x' },
      now: () => at,
      run: async (words, { env }): Promise<CommandResult> => {
        const text = results[runs.length] ?? '';
        runs.push({ words, env });
        return text === ''
          ? { kind: 'failed', problem: 'ended with 1' }
          : { kind: 'printed', bytes: Buffer.from(text) };
      },
    },
  );
  return { command, runs, wait: (ms: number) => (at += ms) };
}

const tokenOf = async (answer: ReturnType<ReturnType<typeof world>['command']['read']>) => {
  const given = await answer;
  return given.kind === 'token' ? given.token : given.problem;
};

test('a command is run once for all who ask meanwhile, and again when its answer ends', async () => {
  const { command, runs, wait } = world(['one', 'two']);
  expect(await Promise.all([tokenOf(command.read()), tokenOf(command.read())])).toEqual(['one', 'one']);
  wait(4 * 60_000);
  expect(await tokenOf(command.read())).toBe('one');
  wait(60_000);
  expect(await tokenOf(command.read())).toBe('two');
  expect(runs).toHaveLength(2);
});

test('what was refused is asked for anew, though not again and again', async () => {
  const { command, runs, wait } = world(['one', 'two', 'three']);
  await command.read();
  expect(await tokenOf(command.read(true))).toBe('one');
  wait(10_000);
  expect(await tokenOf(command.read(true))).toBe('two');
  expect(await tokenOf(command.read(true))).toBe('two');
  expect(runs).toHaveLength(2);
});

test('one that fails is left alone for ten seconds', async () => {
  const { command, runs, wait } = world(['', 'one']);
  const problem = 'ended with 1: run it by hand to see why';
  expect(await tokenOf(command.read())).toBe(problem);
  expect(await tokenOf(command.read())).toBe(problem);
  expect(runs).toHaveLength(1);
  wait(10_000);
  expect(await tokenOf(command.read())).toBe('one');
});

test('it sees where things are, and no secret of others', async () => {
  const { command, runs } = world(['one']);
  await command.read();
  expect(runs).toEqual([
    { words: ['give', 'token'], env: { PATH: '/bin', HOME: '/home/x', HTTPS_PROXY: 'http://p:1' } },
  ]);
});
