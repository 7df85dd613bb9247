/** Lines of index files that one source writes to stop the others: each is that module's finding, and no more. */
import { expect, test } from 'vitest';
import { parseIndexFile } from '../../src/index/index-file.ts';
import type { Finding } from '../../src/model/finding.ts';
import { createRegistry } from '../support/registry-world.ts';
import { startUpstream } from '../support/worlds.ts';

const sum = 'a'.repeat(64);
const line = (members: string) => `{"version":"1.1.0","checksum":"${sum}"${members}}\n`;
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

/** What is added to a module's file; whether it is a line that clients can read. */
const additions: readonly [string, string, boolean][] = [
  ['a dependency nested without end', line(`,"deps":{"x/y":${nested(5000)}}`), false],
  ['a dependency nested deeper than any stack', line(`,"deps":{"x/y":${nested(400_000)}}`), false],
  ['a field nested deeper than any stack', line(`,"x":${nested(400_000)}`), true],
  ['bin-deps nested deeper than any stack', line(`,"bin-deps":{"x/y":${nested(400_000)}}`), true],
  ['125,000 blank lines', '\n'.repeat(125_000), false],
  ['a dependency on a range', line(',"deps":{"x/y":"^1.0.0"}'), false],
  ['a comment', line('/* x */'), true],
  ['half a line', line('').slice(0, 60), false],
];

test('a line of the least trusted source keeps nothing from the others, nor the other lines from clients', async () => {
  const trusted = await startUpstream(['company/tool@1.0.0']);
  const names = additions.map((_, at) => `alice/m${at}`);
  const hostile = await startUpstream(names.map((name) => `${name}@1.0.0`));
  const registry = await createRegistry({
    sources: [
      { name: 'trusted', upstream: trusted, priority: 10 },
      { name: 'hostile', upstream: hostile, priority: 90 },
    ],
  });
  await registry.sync();
  for (const [at, [, text]] of additions.entries()) {
    const path = `user/${names[at]}.index`;
    await hostile.writeIndexFile(path, `${hostile.index.read(path)}${text}`);
  }
  await trusted.publish('company/tool@1.1.0');
  const { findings } = await registry.sync();

  const served: string[] = [];
  for await (const { module, file } of registry.readIndex())
    served.push(...parseIndexFile(file).lines.map(({ entry }) => `${module}@${entry.version}`));
  expect(served).toContain('company/tool@1.1.0');
  for (const [at, [what, , isServed]] of additions.entries()) {
    expect(served, what).toContain(`${names[at]}@1.0.0`);
    expect(served.includes(`${names[at]}@1.1.0`), what).toBe(isServed);
    const own = findings.filter(({ module }: Finding) => module === names[at]);
    expect(own, what).toHaveLength(isServed ? 0 : 1);
    for (const { message } of own) expect(message.length, what).toBeLessThan(300);
  }
});
