import { describe, expect, test } from 'vitest';
import { NotFoundError, UsageError } from '../errors.ts';
import { unsetValue } from './edit.ts';
import { removeAuth, setAuth, setValues } from './edit-auth.ts';
import { parseEdited } from './edit-file.ts';
import { parseToml } from './toml-document.ts';

const bearer = { type: 'bearer', token: `\${NEW}` } as const;
const basic = { type: 'basic', username: 'ci', password: `\${file:secrets/a}` } as const;

const head = '# first\n[[sources]]\nname = "a"\nurl = "https://a"\nindex_url = "https://a/i" # index\n';
const tail = '\n# about b\n[[sources]]\nname = "b"\nurl = "https://b"\nindex_url = "https://b/i"\n';
const old = `\${OLD}`;

/** The same source, with its credentials written in each way that TOML has. */
const spellings: Record<string, string> = {
  none: `${head}${tail}`,
  'a table': `${head}\n[sources.auth] # a\ntype = "bearer"\n# rotated in May\ntoken = "${old}" # t\n${tail}`,
  'an inline table': `${head}auth = { type = "bearer", token = "${old}" } # t\n${tail}`,
  'dotted keys': `${head}auth.type = "bearer"\nauth.token = "${old}"\nenabled = true\n${tail}`,
  'a table of the other type': `${head}[sources.auth]\ntype = "basic"\nusername = "x"\npassword = "${old}"\n${tail}`,
  'a table with a file': `${head}[sources.auth]\ntype = "bearer"\ntoken_file = "secrets/a"\n${tail}`,
  'a table with a command': `${head}[sources.auth]\ntype = "bearer"\ntoken_command = ["give", "it"]\n${tail}`,
  'a table with a password file': `${head}[sources.auth]\ntype = "basic"\nusername = "x"\npassword_file = "p"\n${tail}`,
  'a table that is not complete': `${head}[sources.auth]\ntype = "bearer"\n${tail}`,
};

function authOf(text: string): unknown[] {
  const sources = parseToml(text).document?.value.sources as { readonly auth?: object }[];
  return sources.map(({ auth }) => auth && { ...auth });
}

describe.each(Object.entries(spellings))('credentials written as %s', (_, text) => {
  test.each([bearer, basic])(
    'are replaced as a whole by others, and nothing else is touched (%o)',
    (auth) => {
      const edited = setAuth(text, 'a', auth);
      expect(authOf(edited)).toEqual([auth, undefined]);
      expect(parseEdited(text, edited, '/r').sources[0]?.auth?.type).toBe(auth.type);
      for (const line of [...head.split('\n'), ...tail.split('\n')])
        expect(edited.split('\n')).toContain(line);
      expect(setAuth(edited, 'a', auth)).toBe(edited);
    },
  );

  test('are taken away, and nothing else', () => {
    const edited = removeAuth(text, 'a');
    expect(authOf(edited)).toEqual([undefined, undefined]);
    for (const line of [...head.split('\n'), ...tail.split('\n')]) expect(edited.split('\n')).toContain(line);
    expect(removeAuth(edited, 'a')).toBe(edited);
  });
});

test('another token of the same type leaves the comments where they are', () => {
  const text = spellings['a table'] ?? '';
  expect(setAuth(text, 'a', bearer)).toBe(text.replace(old, bearer.token));
  expect(() => setAuth(text, 'z', bearer)).toThrow(NotFoundError);
  expect(() => removeAuth(text, 'z')).toThrow(NotFoundError);
});

describe('single settings of credentials', () => {
  const none = spellings.none ?? '';
  const key = (name: string) => `sources.a.auth.${name}`;
  const type = [key('type'), 'bearer'] as const;
  const token = [key('token'), bearer.token] as const;

  test.each([
    ['type and token', [type, token]],
    ['token and type', [token, type]],
    ['a token alone, which can mean one type only', [token]],
  ])('may come in any order: %s', (_, settings) => {
    for (const text of [none, spellings['a table that is not complete'] ?? ''])
      expect(authOf(setValues(text, settings))[0]).toEqual(bearer);
  });

  test.each(Object.entries(spellings))('of another type leave nothing of those before (%s)', (_, text) => {
    const settings = Object.entries(basic).map(([name, value]) => [key(name), value] as const);
    const edited = setValues(text, settings.toReversed());
    expect(authOf(edited)[0]).toEqual(basic);
    expect(authOf(setValues(edited, [token, type]))[0]).toEqual(bearer);
  });

  test.each([
    ['a type alone', [type], 'sources.a.auth: "token" is missing'],
    ['a user name alone', [[key('username'), 'ci']], 'sources.a.auth: "password" is missing'],
    ['both types', [type, token, [key('password'), `\${P}`]], 'password: has no meaning with type "bearer"'],
    ['clear text', [[key('token'), 'hunter2']], 'auth.token: a secret does not belong in this file'],
  ] as const)('that are not complete are refused with the command that is: %s', (_, settings, problem) => {
    const edit = () => parseEdited(none, setValues(none, settings), '/r');
    expect(edit).toThrow(problem);
    expect(edit).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('source login a --bearer-env') }),
    );
    expect(edit).not.toThrow(/registry\.toml:\d|hunter2/);
  });

  test('a file takes the place of whatever the token was read from', () => {
    for (const spelling of ['a table', 'a table with a command', 'a table with a file', 'none']) {
      const edited = setValues(spellings[spelling] ?? '', [[key('token_file'), 'run/token']]);
      expect(authOf(edited)[0]).toEqual({ type: 'bearer', token_file: 'run/token' });
    }
    const edited = setValues(setAuth(none, 'a', basic), [[key('password_file'), 'run/pw']]);
    expect(authOf(edited)[0]).toEqual({ type: 'basic', username: 'ci', password_file: 'run/pw' });
  });

  test('a command is set by editing the file alone', () => {
    for (const value of ['sh -c id', '["sh", "-c", "id"]', ''])
      expect(() => setValues(none, [[key('token_command'), value]])).toThrow(
        /^sources\.a\.auth\.token_command is a command, which is written into registry\.toml by hand/,
      );
    expect(unsetValue(spellings['a table with a command'] ?? '', key('token_command'))).not.toContain('give');
  });

  test('other settings go with them in one edit', () => {
    const edited = setValues(none, [token, ['sources.b.priority', '7'], ['server.port', '9000']]);
    expect(parseEdited(none, edited, '/r')).toMatchObject({
      sources: [{}, { priority: 7 }],
      server: { port: 9000 },
    });
    expect(() => setValues(none, [token, ['sources.b.prioritee', '7']])).toThrow(UsageError);
  });
});

describe('an edit that is refused', () => {
  const before = `${head}colour = "red"\n`;

  test('names the setting, and places only what is in the text that can be looked at', () => {
    const after = `# one more line\n${before}priority = -1\n`;
    expect(() => parseEdited(before, after, '/r')).toThrow(
      /^this edit cannot be made, and registry\.toml is as it was:\n {2}sources\.a\.priority: expected an integer from 0 to 1000000, got -1\n {2}registry\.toml:6:1: sources\.a\.colour: unknown key/,
    );
  });

  test('by what was wrong before is told where that is', () => {
    expect(() => parseEdited(before, `# one more line\n${before}`, '/r')).toThrow(
      /^registry\.toml has a problem\nregistry\.toml:6:1: sources\.a\.colour/,
    );
    expect(parseEdited(before, head, '/r').sources).toHaveLength(1);
  });
});
