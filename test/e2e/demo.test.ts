import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { git, shallowClone } from '../support/git-client.ts';
import { startCli } from '../support/run-cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { downloadFrom } from './cli-registry.ts';

test('the demo publishes, aggregates and serves one index of all three registries to who may read it, and leaves nothing behind; what it prints last works as it is', async () => {
  const surroundings = temporaryDirectory();
  const temporary = join(surroundings, 'tmp');
  mkdirSync(temporary);
  const demo = await startCli(['demo', '--port', '0'], {
    cwd: surroundings,
    env: { TMPDIR: temporary, HOME: surroundings },
    ready: /git clone .* (http:\/\/token:\w+@localhost:\d+)\/git\/index/,
  });
  onTestFinished(async () => void (await demo.stop()));
  const checkout = join(surroundings, 'checkout');
  await shallowClone(`${demo.baseUrl}/git/index`, checkout);

  const listed: Record<string, string> = {};
  for (const path of (await git(['-C', checkout, '-c', 'core.quotePath=off', 'ls-files']))
    .trim()
    .split('\n')) {
    const module = path.replace(/^user\//, '').replace(/\.index$/, '');
    for (const line of (await git(['-C', checkout, 'show', `HEAD:${path}`])).trim().split('\n')) {
      const { version, checksum } = JSON.parse(line) as { version: string; checksum: string };
      listed[`${module}@${version}`] = checksum;
    }
  }
  const owners = new Set(Object.keys(listed).map((id) => id.slice(0, id.indexOf('/'))));
  expect([...owners]).toEqual(expect.arrayContaining(['company', 'moonbitlang', 'partner-org']));
  expect(Object.keys(listed).filter((id) => id.startsWith('company/tool@'))).toEqual([
    'company/tool@1.3.0',
    'company/tool@1.4.0',
  ]);
  const { origin, username, password } = new URL(demo.baseUrl);
  const authorization = `Basic ${btoa(`${username}:${password}`)}`;
  for (const [id, checksum] of Object.entries(listed)) {
    expect(await downloadFrom({ baseUrl: origin }, id, { authorization })).toBe(checksum);
    expect(await downloadFrom({ baseUrl: origin }, id)).toBe('HTTP 401');
  }

  const steps = demo.output().match(/^ {2}(?:git|curl|node) .*$/gm) ?? [];
  expect(steps).toHaveLength(3);
  // As they are, from another folder, by a shell that has no such command.
  const pasted = await promisify(execFile)('sh', ['-euc', steps.join('\n')], { cwd: '/' });
  expect(pasted.stdout).toContain('company/tool is served from "internal"');

  const { code, stdout } = await demo.stop();
  expect(code).toBe(0);
  expect(stdout).toContain('company/tool@99.0.0 is not served');
  expect(stdout).toMatch(/\n200 OK: a token for "builds:company\/tool"\n/);
  expect(stdout).toMatch(/\n200 OK: \d+ B, [\d.]+ s after it was published\n.*\n401 Unauthorized/);
  expect(readdirSync(temporary)).toEqual([]);
});
