import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tester } from '../../test/support/actor.ts';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { examine } from './doctor.ts';

test('sources are asked before there is an index, and nothing is made for that', async () => {
  const directory = temporaryDirectory();
  const url = 'http://127.0.0.1:1';
  const text = `[[sources]]\nname = "a"\nurl = "${url}"\nindex_url = "${url}/git/index"\n`;
  writeFileSync(join(directory, 'registry.toml'), text);
  const client = () => ({ configFile: join(directory, 'none'), url, env: {} });
  // As TCP is not tried where a proxy is named, the source itself is.
  const env = { http_proxy: 'http://127.0.0.1:1' };
  const { checks } = await examine({ directory, env, actor: tester, now: Date.now, client });
  const told = checks.map(({ name, result, detail }) => `${result}: ${name}: ${detail}`);
  expect(told).toContain('warning: index: there is none yet');
  expect(told).toContainEqual(
    expect.stringMatching(/^failure: source a: reach: .*the connection was refused$/),
  );
  expect(readdirSync(directory)).toEqual(['registry.toml']);
});
