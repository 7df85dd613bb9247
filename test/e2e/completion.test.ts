/** Completion in the shells themselves: the script of the built program is sourced, twice, and Tab is pressed. */
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { entry } from '../support/run-cli.ts';
import { suiteDirectory } from '../support/temporary-directory.ts';
import { hasCommand, typeAt } from '../support/typed-at.ts';

const directory = suiteDirectory();
const env = { PATH: `${directory}/bin:${process.env.PATH}`, HOME: directory };
const prompt = 'go> ';

beforeAll(async () => {
  for (const folder of ['bin', 'my folder', 'plain']) await mkdir(join(directory, folder));
  const source = (name: string) =>
    `[[sources]]\nname = "${name}"\nurl = "https://${name}.example"\nindex_url = "https://${name}.example/git/index"\n`;
  await writeFile(join(directory, 'registry.toml'), source('partner') + source('internal'));
  // Completes as the program does, and shows what it was called with instead of doing it.
  const command = join(directory, 'bin', 'moonbit-registry');
  await writeFile(
    command,
    `#!/bin/sh\ncase $1 in complet*) exec '${process.execPath}' '${entry}' "$@";; esac\nprintf RAN; printf '[%s]' "$@"; echo\n`,
  );
  await chmod(command, 0o755);
});

const typed = [
  ['source en\tpar\t', '[source][enable][partner]'],
  ['-d my\t sync', /\[-d]\[my folder\/?]\[sync]/],
  ['--dir=pl\t sync', /\[--dir=plain\/?]\[sync]/],
  ['config server.base\thttp://x', '[config][server.base_url][http://x]'],
  ['mirror --source=int\t', '[mirror][--source=internal]'],
] as const;

describe.each(['bash', 'zsh'] as const)('%s', (shell) => {
  const missing = ['script', shell].filter((command) => !hasCommand(command));
  test.skipIf(missing.length > 0)(
    `completes what is typed${missing.length > 0 ? ` (skipped: there is no ${missing.join(' and no ')} here)` : ''}`,
    async () => {
      const start = shell === 'bash' ? 'bash --norc --noprofile -i' : 'zsh -f -i';
      const sourced = `source <(moonbit-registry completion ${shell})`;
      const lines = [
        ...(shell === 'zsh' ? ['autoload -Uz compinit; compinit -u -D'] : []),
        sourced,
        sourced,
        ...typed.map(([words]) => `moonbit-registry ${words}`),
        'exit',
      ];
      const seen = await typeAt(`env PS1='${prompt}' ${start}`, lines, {
        prompt,
        cwd: directory,
        env,
      });
      expect(seen).not.toMatch(/readonly|not found|error:/);
      const ran = [...seen.matchAll(/^RAN(.*?)\r?$/gm)].map(([, words]) => words);
      expect(ran).toEqual(
        typed.map(([, words]) => (typeof words === 'string' ? words : expect.stringMatching(words))),
      );
    },
  );
});

const hasFish = hasCommand('fish');
test.skipIf(!hasFish)(
  `fish offers words and paths${hasFish ? '' : ' (skipped: there is no fish here)'}`,
  () => {
    const sourced = 'moonbit-registry completion fish | source';
    const asked = ['source enable ', '--dir=pl', 'config server.base'];
    const lines = asked.map((words) => `complete --do-complete "moonbit-registry ${words}"`);
    const { stdout, stderr } = spawnSync(
      'fish',
      ['--no-config', '-c', [sourced, sourced, ...lines].join('\n')],
      {
        cwd: directory,
        env: { ...process.env, ...env },
        encoding: 'utf8',
      },
    );
    expect(stderr).toBe('');
    expect(stdout.split('\n').map((line) => line.split('\t')[0])).toEqual([
      ...['internal', 'partner', '--dir=plain/', 'server.base_url', ''],
    ]);
  },
);
