/** One source's tree that git cannot list, or not compare, is that source's trouble, and costs nobody else anything. */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createRegistry, readServed, writeSettings } from '../support/registry-world.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';
import type { UpstreamRegistry } from '../worlds/upstream-registry.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const run = promisify(execFile);

/** Puts a git before the real one that has too little memory for commands that name one of these trees. */
function withTooLittleMemoryFor(commands: readonly string[], trees: () => readonly string[]) {
  const folder = join(temporaryDirectory(), 'bin');
  const real = execFileSync('sh', ['-c', 'command -v git']).toString().trim();
  mkdirSync(folder);
  const write = () => {
    const matches = trees().map((tree) => `*${tree}*`);
    const script = [
      '#!/bin/sh',
      `case " $* " in *" ${commands.join(' "*|*" ')} "*)`,
      ...(matches.length > 0
        ? [
            `case "$*" in ${matches.join('|')}) echo "fatal: Out of memory, malloc failed (tried to allocate 9 bytes)" >&2; exit 128;; esac`,
          ]
        : []),
      ';; esac',
      `exec ${real} "$@"`,
    ];
    writeFileSync(join(folder, 'git'), `${script.join('\n')}\n`);
    chmodSync(join(folder, 'git'), 0o755);
  };
  write();
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  return { write };
}

async function treeOf(upstream: UpstreamRegistry): Promise<string> {
  const url = `${upstream.url}/git/index`;
  const clone = join(temporaryDirectory(), 'clone');
  // The server is in this process.
  await run('git', ['clone', '-q', '--depth=1', url, clone]);
  return (await run('git', ['-C', clone, 'rev-parse', 'HEAD^{tree}'])).stdout.trim();
}

describe('a tree that git has too little memory for', () => {
  test('when it is compared with the one before: the others are served, and it is read again later', async () => {
    const trusted = await startUpstream(['a/x@1.0.0']);
    const other = await startUpstream(['b/y@1.0.0']);
    const registry = await createRegistry({
      sources: [
        { name: 'trusted', upstream: trusted, priority: 25 },
        { name: 'other', upstream: other, priority: 100 },
      ],
    });
    await registry.sync();
    const trees: string[] = [];
    const { write } = withTooLittleMemoryFor(['diff-tree', 'ls-tree'], () => trees);
    await Promise.all([trusted.publish('a/x@1.1.0'), other.publish('b/y@1.1.0')]);
    trees.push(await treeOf(other));
    write();
    const report = await registry.sync();
    expect(report.sources.map(({ source, outcome }) => [source, outcome])).toEqual([
      ['trusted', 'fresh'],
      ['other', 'stale'],
    ]);
    expect(Object.keys(await readServed(registry)).sort()).toEqual(['a/x@1.0.0', 'a/x@1.1.0', 'b/y@1.0.0']);
    trees.length = 0;
    write();
    await registry.sync();
    expect(Object.keys(await readServed(registry))).toContain('b/y@1.1.0');
  });

  test('when everything is planned anew: what was served of it stays', async () => {
    const trusted = await startUpstream(['a/x@1.0.0']);
    const other = await startUpstream(['b/y@1.0.0']);
    const sources = [
      { name: 'trusted', upstream: trusted, priority: 25 },
      { name: 'other', upstream: other, priority: 100 },
    ];
    const directory = join(temporaryDirectory(), 'registry');
    const registry = await createRegistry({ sources, directory });
    await registry.sync();
    const trees = [await treeOf(other)];
    const { write } = withTooLittleMemoryFor(['ls-tree'], () => trees);
    await writeSettings(directory, { sources: sources.map((source) => ({ ...source, exclude: ['z/*'] })) });
    await registry.reload();
    await trusted.publish('a/x@1.1.0');
    const report = await registry.sync();
    expect(report.sources.map(({ source, outcome }) => [source, outcome])).toEqual([
      ['trusted', 'fresh'],
      ['other', 'stale'],
    ]);
    expect(Object.keys(await readServed(registry)).sort()).toEqual(['a/x@1.0.0', 'a/x@1.1.0', 'b/y@1.0.0']);
    trees.length = 0;
    write();
    expect((await registry.sync()).sources.map(({ outcome }) => outcome)).toEqual(['unchanged', 'unchanged']);
    expect(Object.keys(await readServed(registry))).toHaveLength(3);
  });
});
