import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/support/temporary-directory.ts';
import { type AuthFlags, readAuthFlags } from './auth-flags.ts';
import { CommandLineError } from './exit-codes.ts';
import { recordIo } from './io.fixture.ts';

function read(
  flags: AuthFlags,
  env: Record<string, string> = {},
  workingDirectory = '/w',
  directory = '/w/r',
) {
  return readAuthFlags(flags, { io: recordIo({ env, workingDirectory }), directory });
}

describe('variables', () => {
  test.each([
    ['PARTNER_TOKEN', {}],
    ['_X', {}],
    ['GITHUB2024TOKEN_FOR_CI', {}],
    ['partner_token', { partner_token: 'x' }],
    ['ghp_16C7e42F292c6912E7710c838347Ae178B4a', { ghp_16C7e42F292c6912E7710c838347Ae178B4a: 'x' }],
  ])('%s is taken for a name', async (name, env) => {
    expect(await read({ bearerEnv: name }, env)).toEqual({ type: 'bearer', token: `\${${name}}` });
    expect(await read({ basicEnv: ['ci', name] }, env)).toEqual({
      type: 'basic',
      username: 'ci',
      password: `\${${name}}`,
    });
  });

  test.each([
    'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
    'github_pat_11ABCDEFG0123456789',
    'glpat-abcdefghij0123456789',
    'AKIAIOSFODNN7EXAMPLE',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln',
    'd41d8cd98f00b204e9800998ecf8427e',
    'hunter2',
    'correct horse',
    'A=B',
    `\${PARTNER_TOKEN}`,
    '9LIVES',
    '',
  ])('%j is taken for a secret, refused, and not repeated', async (text) => {
    for (const flags of [
      { bearerEnv: text },
      { basicEnv: ['ci', text] },
      { bearerFile: text },
    ] as AuthFlags[]) {
      const refused = await read(flags).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(CommandLineError);
      const { message, hint } = refused as CommandLineError;
      if (text.length > 6 && !text.includes('PARTNER_TOKEN'))
        expect(`${message} ${hint}`).not.toContain(text);
    }
  });
});

test('files are written relative to registry.toml where they are below it', async () => {
  const home = temporaryDirectory();
  mkdirSync(join(home, 'r', 'secrets'), { recursive: true });
  for (const path of ['r/secrets/a', 'b', '..c', 'r/..d', 'r/e}']) writeFileSync(join(home, path), 'x');
  const token = async (path: string, from = home) => {
    const auth = await read({ bearerFile: path }, {}, from, join(home, 'r'));
    return auth?.type === 'bearer' ? auth.token : undefined;
  };
  expect(await token('r/secrets/a')).toBe(`\${file:secrets/a}`);
  expect(await token('a', join(home, 'r', 'secrets'))).toBe(`\${file:secrets/a}`);
  expect(await token('b')).toBe(`\${file:${home}/b}`);
  expect(await token('..c')).toBe(`\${file:${home}/..c}`);
  expect(await token('r/..d')).toBe(`\${file:..d}`);
  await expect(token('r/e}')).rejects.toThrow('cannot be written into registry.toml');
  await expect(token('r/secrets')).rejects.toThrow('is a folder, not a file');
});

test('a file that is not there yet is taken where its folder is, else it is said which file was looked for', async () => {
  const home = temporaryDirectory();
  mkdirSync(join(home, 'secrets'));
  const readTyped = (typed: string) => read({ bearerFile: typed }, {}, home, home);
  expect(await readTyped('secrets/partner')).toEqual({ type: 'bearer', token: `\${file:secrets/partner}` });
  expect(await read({ basicFile: ['ci', './later'] }, {}, home, home)).toMatchObject({
    password: `\${file:later}`,
  });
  await expect(readTyped('secret/partner.token')).rejects.toThrow(
    `--bearer-file: there is no such file: ${join(home, 'secret', 'partner.token')}`,
  );
  await expect(readTyped('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY')).rejects.toThrow(
    '--bearer-file: there is no such file (what was typed is not repeated here: it may be a secret)',
  );
});

test('one kind of credentials is given, or none', async () => {
  expect(await read({})).toBeUndefined();
  await expect(read({ bearerEnv: 'A', basicEnv: ['u', 'B'] })).rejects.toThrow('one kind of credentials');
  await expect(read({ basicEnv: ['u'] })).rejects.toThrow('takes two words');
  await expect(read({ basicEnv: ['u', 'V', 'partner'] })).rejects.toThrow('takes two words');
  await expect(read({ basicEnv: ['a:b', 'V'] })).rejects.toThrow('has no ":"');
});
