import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { oldestNode, runtimeProblem } from './runtime.ts';

const root = join(import.meta.dirname, '../..');

test.each(['20.19.0', '20.20.2', '22.0.0', '26.1.0'])(
  'Node.js %s will do, on Linux and elsewhere',
  (version) => {
    expect(runtimeProblem(version, 'linux')).toBeUndefined();
    expect(runtimeProblem(version, 'darwin')).toBeUndefined();
  },
);

test.each(['12.22.12', '18.20.8', '20.18.3'])('Node.js %s is told which one is needed', (version) => {
  expect(runtimeProblem(version, 'linux')).toMatch(
    `error: moonbit-registry needs Node.js 20.19 or later, and this is ${version}\nhint: install`,
  );
});

test('Windows is told why not, and what to do, before Node is looked at', () => {
  expect(runtimeProblem('18.0.0', 'win32')).toMatch(/does not run on Windows: .*\nhint: run it in WSL 2/);
});

test('package.json states the same Node.js', () => {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect(engines.node).toBe(`>=${oldestNode}`);
});

test('what is built loads nothing before it has asked, in the syntax of an old Node', () => {
  const entry = readFileSync(join(root, 'dist/main.js'), 'utf8');
  expect(entry).toContain('import("./start.js")');
  expect(entry).not.toMatch(/^import\b(?!\()|\?\?|\?\.|\bawait\b/m);
});

test.each(['dist/main.js', 'scripts/start.mjs'])(
  '%s says so to an old Node, and does nothing else',
  async (file) => {
    const old =
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.8' } });";
    const script = `${old} await import(${JSON.stringify(pathToFileURL(join(root, file)).href)});`;
    const running = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    await expect(running).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^error: moonbit-registry needs Node\.js 20\.19 or later, and this is 18\.20\.8\nhint: .*\n$/,
      ),
    });
  },
);

test('what a clone is started with is in that syntax, too', () => {
  const [first] = /^import .*$/m.exec(readFileSync(join(root, 'scripts/ensure.mjs'), 'utf8')) ?? [];
  expect(first).toBe("import './supported.mjs';");
  for (const name of ['supported', 'ensure', 'start', 'prepare'])
    expect(readFileSync(join(root, `scripts/${name}.mjs`), 'utf8')).not.toMatch(/\?\?|\?\.\w|^\s*await\b/m);
});
