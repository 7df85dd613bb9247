import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../../test/support/temporary-directory.ts';
import type { SourceConfig } from '../../../config/config.ts';
import { parseConfig } from '../../../config/load.ts';
import { checkCredentials } from './doctor-credentials.ts';

function sourceWith(directory: string, auth: string): SourceConfig {
  const text = `[[sources]]\nname = "partner"\nurl = "https://h"\nindex_url = "https://h/i"\n${auth}`;
  const [source] = parseConfig(text, { directory }).sources;
  if (!source) throw new Error('there is none');
  return source;
}

const byFile = `auth = { type = "bearer", token = "\${file:secret}" }`;

test('credentials at hand are nothing to tell of, and neither are none', async () => {
  const byVariable = sourceWith('/r', `auth = { type = "bearer", token = "\${TOKEN}" }`);
  expect(await checkCredentials(byVariable, { TOKEN: 'x' })).toEqual([]);
  expect(await checkCredentials(sourceWith('/r', ''), {})).toEqual([]);
});

test('missing ones are a failure that names the variable or the file, and the line', async () => {
  const failure = (detail: string) => [{ result: 'failure', detail }];
  const basic = `auth = { type = "basic", username = "ci", password = "\${PW}" }`;
  expect(await checkCredentials(sourceWith('/r', basic), {})).toEqual(
    failure('they cannot be sent: the environment variable PW is not set (registry.toml:5)'),
  );
  expect(await checkCredentials(sourceWith(temporaryDirectory(), byFile), {})).toEqual(
    failure('they cannot be sent: the file secret is not there (registry.toml:5)'),
  );
});

test.skipIf(process.platform === 'win32').each([
  [0o600, undefined],
  [0o640, undefined],
  [0o644, 'everybody on this machine can read the file secret (mode 644)'],
  [0o602, 'everybody on this machine can change the file secret (mode 602)'],
])('a secret file of mode %o is warned of where it is open to everybody: %s', async (mode, detail) => {
  const directory = temporaryDirectory();
  const path = join(directory, 'secret');
  writeFileSync(path, 'x');
  chmodSync(path, mode);
  expect(await checkCredentials(sourceWith(directory, byFile), {})).toEqual(
    detail === undefined ? [] : [{ result: 'warning', detail, hint: `chmod o= ${path}` }],
  );
});
