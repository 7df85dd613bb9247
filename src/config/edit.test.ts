import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { ConfigError, NotFoundError, UsageError } from '../errors.ts';
import {
  addSource,
  getValue,
  type NewSource,
  removeSource,
  setDefaultSource,
  setSourceEnabled,
  setValue,
  unsetValue,
} from './edit.ts';
import { parseConfig } from './load.ts';
import { renderNewConfig } from './template.ts';

const newSource = (name: string, settings: Partial<NewSource> = {}): NewSource => ({
  name,
  type: 'custom',
  url: `https://${name}.example`,
  indexUrl: `https://${name}.example/index`,
  priority: 50,
  namespaces: [],
  include: [],
  exclude: [],
  ...settings,
});

const commented = `# The registry of ACME.

# who answers first
default_source = "a" # keep me

[registry]
name = "acme"

# the public one
# (slow)
[[sources]]
name = "a"   # aligned
url = "https://a.example"
index_url = 'https://a.example/index' # literal string
enabled = true     # on

  # about the credentials
  [sources.auth]
  type = "bearer"
  token = "\${A_TOKEN}"
# after a's last key

# the second
[[sources]]
name = "b"
url = "https://b.example"
index_url = "https://b.example/index"
namespaces = [
  "b/*", # ours
  "c/*",
]

# stands alone

# the server
[server]
port = 8080`;

const withoutLines = (text: string, first: RegExp, last: RegExp): string => {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => first.test(line));
  const end = lines.findIndex((line, index) => index >= start && last.test(line));
  return lines.toSpliced(start, end - start + 1).join('\n');
};

describe('addSource', () => {
  test('writes a block after the last source, and disturbs nothing', () => {
    const added = addSource(commented, newSource('d', { priority: 25, namespaces: ['d/*'] }));
    expect(added).toBe(
      commented.replace(
        '"c/*",\n]\n',
        `"c/*",
]

[[sources]]
name = "d"
type = "custom"
url = "https://d.example"
index_url = "https://d.example/index"
index_type = "git"
enabled = true
priority = 25
namespaces = ["d/*"]
`,
      ),
    );
  });

  test('makes the first source the default, at the top of the file', () => {
    const added = addSource(renderNewConfig({ name: 'x' }), newSource('d'));
    expect(added.indexOf('\ndefault_source = "d"\n')).toBeGreaterThan(0);
    expect(added.indexOf('\ndefault_source = "d"\n')).toBeLessThan(added.indexOf('[registry]'));
    expect(parseConfig(added, { directory: '/x' })).toMatchObject({
      defaultSource: 'd',
      warnings: [],
    });
  });

  test('replaces the default of a file that had only the implied source', () => {
    expect(addSource('default_source = "mooncakes"\n', newSource('d'))).toMatch(
      /^default_source = "d"\n\n\[\[sources/,
    );
  });

  test('works on an empty file', () => {
    const added = addSource('', newSource('d'));
    expect(parse(added)).toMatchObject({ default_source: 'd', sources: [{ name: 'd' }] });
    expect(added.startsWith('default_source = "d"\n\n[[sources]]\n')).toBe(true);
  });

  test('stays above the comments that lead to the next table', () => {
    const text = '[[sources]]\nname = "a"\n# about the server\n[server]\nport = 1\n';
    const added = addSource(text, newSource('d'));
    expect(added).toContain('priority = 50\n\n# about the server\n[server]\n');
    expect(added.startsWith('[[sources]]\nname = "a"\n\n[[sources]]\nname = "d"\n')).toBe(true);
  });

  test('refuses a name that is taken', () => {
    expect(() => addSource(commented, newSource('b'))).toThrow(UsageError);
  });

  test('writes names and addresses that need escapes', () => {
    const odd = newSource('d', { url: 'https://d.example/"\\\u007f', include: ['a"/*'] });
    expect(parse(addSource('', odd))).toMatchObject({ sources: [{ url: odd.url, include: ['a"/*'] }] });
  });
});

describe('removeSource', () => {
  test('takes the block, its sub-table and the comments that touch it', () => {
    const removed = removeSource(commented, 'a');
    const expected = withoutLines(commented, /# the public one/, /after a's last key/).replace(
      '\n\n\n',
      '\n\n',
    );
    expect(removed).toBe(expected.replace('default_source = "a"', 'default_source = "b"'));
  });

  test('takes the last block and leaves what stands alone', () => {
    expect(removeSource(commented, 'b')).toBe(
      withoutLines(commented, /# the second/, /^\]$/).replace('\n\n\n', '\n\n'),
    );
  });

  test('without the default named, nothing is written about it', () => {
    const text = '[[sources]]\nname = "a"\n\n[[sources]]\nname = "b"\n';
    expect(removeSource(text, 'a')).toBe('[[sources]]\nname = "b"\n');
  });

  test('the last source takes the default with it', () => {
    expect(removeSource('default_source = "a" # why\n\n[[sources]]\nname = "a"\n', 'a')).toBe('# why\n');
  });

  test('saves a misplaced default that stands in the removed block', () => {
    const text = '[[sources]]\nname = "a"\n\n[[sources]]\nname = "b"\n\ndefault_source = "a" # why\n';
    expect(removeSource(text, 'b')).toBe('default_source = "a" # why\n\n[[sources]]\nname = "a"\n');
  });

  test('moves the default on, wherever it stood', () => {
    const text = '[[sources]]\nname = "a"\n\n[[sources]]\nname = "b"\ndefault_source = "a"\n';
    expect(removeSource(text, 'a')).toBe('default_source = "b"\n\n[[sources]]\nname = "b"\n');
  });

  test('says which sources there are when the name is wrong', () => {
    expect(() => removeSource(commented, 'aa-b')).toThrow(NotFoundError);
    expect(() => removeSource(commented, 'zzz')).toThrow(
      expect.objectContaining({ hint: 'configured: a, b' }),
    );
    const text = '[[sources]]\nname = "partner"\n';
    expect(() => removeSource(text, 'partnr')).toThrow(
      expect.objectContaining({ hint: 'did you mean "partner"? configured: partner' }),
    );
  });
});

describe('setSourceEnabled', () => {
  test('changes one value', () => {
    expect(setSourceEnabled(commented, 'a', false)).toBe(
      commented.replace('enabled = true     # on', 'enabled = false     # on'),
    );
  });

  test('adds the key where there is none, and nothing where nothing changes', () => {
    expect(setSourceEnabled(commented, 'b', true)).toBe(commented);
    expect(setSourceEnabled(commented, 'b', false)).toBe(
      commented.replace('"c/*",\n]\n', '"c/*",\n]\nenabled = false\n'),
    );
  });
});

describe('setDefaultSource', () => {
  test('changes the value where it stands', () => {
    expect(setDefaultSource(commented, 'b')).toBe(
      commented.replace('default_source = "a" # keep me', 'default_source = "b" # keep me'),
    );
  });

  test('moves a misplaced one to the top, with its comment', () => {
    const text =
      '# file\n\n# first\n[[sources]]\nname = "a"\n[[sources]]\nname = "b"\n  default_source = "a" # why\n';
    expect(setDefaultSource(text, 'b')).toBe(
      '# file\n\ndefault_source = "b" # why\n\n# first\n[[sources]]\nname = "a"\n[[sources]]\nname = "b"\n',
    );
  });

  test('leaves one of several, the one at the top', () => {
    const text =
      'default_source = "a"\n[[sources]]\nname = "a"\ndefault_source = "a" # why\n[[sources]]\nname = "b"\ndefault_source = "a"\n';
    expect(setDefaultSource(text, 'b')).toBe(
      'default_source = "b"\n[[sources]]\nname = "a"\n# why\n[[sources]]\nname = "b"\n',
    );
  });

  test('stands below the comment that explains it', () => {
    const text = '# default_source = "x"\n[[sources]]\nname = "a"\n';
    expect(setDefaultSource(text, 'a')).toBe(
      '# default_source = "x"\ndefault_source = "a"\n[[sources]]\nname = "a"\n',
    );
  });

  test('may name the implied source, and no other that is not there', () => {
    expect(setDefaultSource('', 'mooncakes')).toBe('default_source = "mooncakes"\n');
    expect(() => setDefaultSource('', 'other')).toThrow(NotFoundError);
    expect(() => setDefaultSource(commented, 'mooncakes')).toThrow(NotFoundError);
  });
});

describe('setValue and getValue', () => {
  test.each([
    ['server.port', '9090', 9090],
    ['server.base_url', 'https://x.example', 'https://x.example'],
    ['registry.name', 'a "b" \\ c', 'a "b" \\ c'],
    ['mirror.packages', 'a/*, b/*', ['a/*', 'b/*']],
    ['mirror.packages', '["a/*", \'b/*\']', ['a/*', 'b/*']],
    ['mirror.packages', '', []],
    [
      'mirror.packages',
      '["a/*", { source = "b", pattern = "b/*" }]',
      ['a/*', { source: 'b', pattern: 'b/*' }],
    ],
    ['mirror.auto_sync', 'true', true],
    ['mirror.sync_interval', '15m', '15m'],
    ['sources.a.priority', '7', 7],
    ['sources.b.auth.username', 'ci', 'ci'],
    ['default_source', 'b', 'b'],
  ])('%s = %s', (key, typed, value) => {
    const edited = setValue(commented, key, typed);
    expect(getValue(edited, key)).toEqual(value);
    expect(removedLines(commented, edited).length).toBeLessThanOrEqual(1);
  });

  test.each([
    ['server.host', '127.0.0.1'],
    ['server.port', 8080],
    ['mirror.packages', []],
    ['sources.b.enabled', true],
    ['sources.b.priority', undefined],
    ['default_source', 'a'],
  ])('%s is read with its default', (key, value) => {
    expect(getValue(commented, key)).toEqual(value);
  });

  test('a misplaced default is read as what it means', () => {
    expect(getValue('[[sources]]\nname = "a"\ndefault_source = "a"\n', 'default_source')).toBe('a');
  });

  test('a new table goes to the end, a new part of a source behind it', () => {
    expect(setValue('[server]\nport = 1', 'mirror.auto_sync', 'true')).toBe(
      '[server]\nport = 1\n\n[mirror]\nauto_sync = true\n',
    );
    const text = '[[sources]]\nname = "a"\n# end of a\n\n[[sources]]\nname = "b"\n';
    expect(setValue(text, 'sources.a.auth.type', 'bearer')).toBe(
      '[[sources]]\nname = "a"\n# end of a\n\n[sources.auth]\ntype = "bearer"\n\n[[sources]]\nname = "b"\n',
    );
  });

  test.each([
    ['inline tables', 'server = { port = 1 } # x\n', 'server = { port = 1, host = "h" } # x\n'],
    ['empty inline tables', 'server = {}\n', 'server = { host = "h" }\n'],
    [
      'dotted keys',
      'server.port = 1 # x\n\n[registry]\n',
      'server.port = 1 # x\nserver.host = "h"\n\n[registry]\n',
    ],
    ['indented tables', '[server]\n  port = 1\n', '[server]\n  port = 1\n  host = "h"\n'],
    ['empty tables', '[server] # x\n', '[server] # x\nhost = "h"\n'],
    ['tables without a last line end', '[server]', '[server]\nhost = "h"\n'],
    ['CRLF', '[server]\r\nport = 1\r\n', '[server]\r\nport = 1\r\nhost = "h"\r\n'],
    ['a byte order mark', '\ufeff[server]\n', '\ufeff[server]\nhost = "h"\n'],
  ])('keeps %s as they are', (_, text, expected) => {
    expect(setValue(text, 'server.host', 'h')).toBe(expected);
  });

  test('a table that has only inner ones so far gets its own, and keys of them stay what they are', () => {
    const inner =
      '[[access.oidc]]\nname = "ci"\nissuer = "https://id.example"\naudience = "x"\nclaims = { sub = "job" }\nmay = ["read"]\n';
    const edited = setValue(inner, 'access.read', 'token');
    expect(edited).toBe(`${inner}\n[access]\nread = "token"\n`);
    expect(setValue(edited, 'access.token_in_path', 'true')).toBe(`${edited}token_in_path = true\n`);
  });

  test('a name with dots is found, the longest first', () => {
    const text = '[[sources]]\nname = "a"\n[[sources]]\nname = "a.b"\n[[sources]]\nname = "a.auth"\n';
    expect(parse(setValue(text, 'sources.a.b.priority', '3'))).toMatchObject({
      sources: [{ name: 'a' }, { name: 'a.b', priority: 3 }, { name: 'a.auth' }],
    });
    expect(parse(setValue(text, 'sources.a.auth.type', 'custom'))).toMatchObject({
      sources: [{}, {}, { name: 'a.auth', type: 'custom' }],
    });
  });

  test.each([
    ['server.prot', 'did you mean "server.port"?'],
    ['sources.b.priorty', 'did you mean "sources.b.priority"?'],
    ['server', expect.stringContaining('name one of its settings: server.host, server.port')],
    ['sources.zzz.priority', expect.any(String)],
    ['sources.a.default_source', expect.any(String)],
    ['registry.__proto__', expect.any(String)],
    ['', expect.any(String)],
  ])('the key %j is refused with advice', (key, hint) => {
    expect(() => getValue(commented, key)).toThrow(expect.objectContaining({ code: 'usage', hint }));
    expect(() => setValue(commented, key, '1')).toThrow(UsageError);
  });

  test.each([
    ['server.port', 'http', 'cannot set server.port: expected an integer from 0 to 65535, got "http"'],
    ['server.port', '1.5', 'cannot set server.port: expected an integer from 0 to 65535, got "1.5"'],
    ['mirror.auto_sync', 'yes', 'cannot set mirror.auto_sync: expected true or false, got "yes"'],
    ['sources.a.type', 'npm', /expected "mooncakes" or/],
    ['sources.a.name', 'z', /source is renamed together/],
  ])('%s cannot be %s', (key, typed, message) => {
    expect(() => setValue(commented, key, typed)).toThrow(message);
    expect(() => setValue(commented, key, typed)).toThrow(UsageError);
  });

  test('a name is changed by another command, which is named as it has to be typed', () => {
    const hint = 'moonbit-registry source rename a z';
    expect(() => setValue(commented, 'sources.a.name', 'z')).toThrow(expect.objectContaining({ hint }));
  });
});

describe('files that have to be edited by hand', () => {
  test.each([
    [
      'sources as inline tables',
      'x = 1\nsources = [{ name = "a" }, { name = "b" }]\n',
      /at line 2: sources are written as a list/,
    ],
    [
      'parts of a source that stand apart',
      '[[sources]]\nname = "a"\n[server]\nport = 1\n[sources.auth]\ntype = "basic"\n',
      /at line 3: another table stands between/,
    ],
    ['a text that is not TOML', 'a = b\n', /registry.toml:1:5/],
  ])('%s', (_, text, message) => {
    expect(() => removeSource(text, 'a')).toThrow(message);
    expect(() => removeSource(text, 'a')).toThrow(ConfigError);
  });

  test('a list with comments in it is not rewritten', () => {
    expect(() => setValue(commented, 'sources.b.namespaces', 'x/*')).toThrow(
      /at line 29: the list has comments in it/,
    );
  });

  test('inline sources refuse every edit of a source', () => {
    const text = 'sources = [{ name = "a" }]\n';
    expect(() => addSource(text, newSource('d'))).toThrow(ConfigError);
    expect(() => setSourceEnabled(text, 'a', false)).toThrow(ConfigError);
    expect(() => setValue(text, 'sources.a.priority', '1')).toThrow(ConfigError);
  });
});

// Properties: whatever the layout, an edit means what it should and touches only its own lines.

interface Layout {
  readonly text: string;
  readonly names: readonly string[];
}

const noise = fc.constantFrom(
  '',
  '# note',
  '',
  '  # indented "note" = [',
  '# [[sources]]',
  '# default_source = "x"',
  '\t',
);
const noises = fc.array(noise, { maxLength: 3 });
const tail = fc.constantFrom('', ' # why', '  #', '\t# a = "b"');

const sourceLines = (name: string) =>
  fc
    .record({
      before: noises,
      within: noises,
      after: noises,
      comment: tail,
      enabled: fc.constantFrom([], ['enabled = true'], ['enabled = false # off'], ['"enabled" = true']),
      lists: fc.constantFrom(
        [],
        ["namespaces = ['x/*', # one", '  "y/*",', ']'],
        ['include = ["""', '# not a comment', '[[sources]]', '"""]'],
        ['include = ["a/*"] # a'],
      ),
      auth: fc.constantFrom(
        [],
        ['[sources.auth]', 'type = "bearer"', 'token = "t"'],
        ['', '  [ sources . auth ] # odd', '  type = "basic"'],
        ['[sources.auth]'],
        ['auth = { type = "bearer", token = "t" }'],
        ['auth.type = "bearer"'],
      ),
      misplaced: fc.constantFrom<string[]>([], [], [], [`default_source = "${name}" # mine`]),
    })
    .map(({ before, within, after, comment, enabled, lists, auth, misplaced }) => {
      const isTable = auth.some((line) => line.trim().startsWith('['));
      const inner = isTable ? [] : auth;
      return [
        ...before,
        `[[sources]]${comment}`,
        `name = "${name}"${comment}`,
        ...within,
        ...enabled,
        ...lists,
        ...inner,
        ...misplaced,
        ...(isTable ? auth : []),
        ...after,
      ];
    });

const layouts: fc.Arbitrary<Layout> = fc
  .record({
    top: fc.constantFrom(
      [],
      ['# file', ''],
      ['# file'],
      ['default_source = "s0" # d', ''],
      ['# file', '', 'default_source="s0"'],
    ),
    blocks: fc
      .integer({ min: 0, max: 4 })
      .chain((count) => fc.tuple(...Array.from({ length: count }, (_, i) => sourceLines(`s${i}`)))),
    tables: fc.constantFrom(
      [],
      ['[server]', 'port = 1 # p'],
      ['# the registry', '[registry]', 'name = """', '# x', '"""', ''],
    ),
    tablesFirst: fc.boolean(),
    eol: fc.constantFrom('\n', '\r\n'),
    ending: fc.boolean(),
  })
  .map(({ top, blocks, tables, tablesFirst, eol, ending }) => {
    const body = tablesFirst ? [...tables, ...blocks.flat()] : [...blocks.flat(), ...tables];
    const lines = [...top.filter((line) => blocks.length > 0 || !line.startsWith('default')), ...body];
    return { text: lines.join(eol) + (ending ? eol : ''), names: blocks.map((_, i) => `s${i}`) };
  });

const someSource = layouts
  .filter(({ names }) => names.length > 0)
  .chain((layout) => fc.record({ layout: fc.constant(layout), name: fc.constantFrom(...layout.names) }));

type Parsed = {
  default_source?: string;
  sources?: { name: string; default_source?: string; enabled?: boolean }[];
};
const meaning = (text: string): Parsed => JSON.parse(JSON.stringify(parse(text)));
const defaultOf = (parsed: Parsed): string | undefined =>
  parsed.default_source ??
  parsed.sources?.find((source) => source.default_source !== undefined)?.default_source;

const linesOf = (text: string): string[] => text.split(/(?<=\n)/);

/** The lines of `before` that a shortest edit to `after` removes; their ends are `hasOneEol`'s business. */
function removedLines(before: string, after: string): string[] {
  const old = before.split(/\r?\n/);
  const now = after.split(/\r?\n/);
  const common = [...old, ''].map(() => Array<number>(now.length + 1).fill(0));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      common[i]?.splice(
        j,
        1,
        old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1)),
      );
  const removed: string[] = [];
  for (let i = 0, j = 0; i < old.length; ) {
    if (j < now.length && old[i] === now[j]) [i, j] = [i + 1, j + 1];
    else if (j < now.length && at(i, j + 1) >= at(i + 1, j)) j++;
    else removed.push(old[i++] ?? '');
  }
  return removed;
}

const hasOneEol = (before: string, after: string): boolean =>
  !before.includes('\n') || (before.includes('\r\n') ? !/[^\r]\n/.test(after) : !after.includes('\r'));

describe('whatever the layout of the file', () => {
  const runs = { numRuns: 300 };

  test('adding a source adds one table, and removes no line', () => {
    fc.assert(
      fc.property(layouts, ({ text, names }) => {
        const after = addSource(text, newSource('new'));
        const { sources = [], ...rest } = meaning(text);
        const first = names.length === 0 ? { default_source: 'new' } : {};
        expect(meaning(after)).toEqual({
          ...rest,
          ...first,
          sources: [...sources, meaning(addSource('', newSource('new'))).sources?.[0]],
        });
        expect(removedLines(text, after)).toEqual([]);
        expect(hasOneEol(text, after)).toBe(true);
      }),
      runs,
    );
  });

  test('removing a source removes its table and nothing else, and keeps the default or passes it on', () => {
    fc.assert(
      fc.property(someSource, ({ layout: { text, names }, name }) => {
        const before = meaning(text);
        const after = meaning(removeSource(text, name));
        const strip = ({ sources = [], default_source: _, ...rest }: Parsed) => ({
          ...rest,
          sources: sources.map(({ default_source: __, ...source }) => source),
        });
        const expected = strip(before);
        expect(strip(after)).toEqual({
          ...expected,
          sources: expected.sources.filter((source) => source.name !== name),
        });
        const old = defaultOf(before);
        const remaining = names.filter((other) => other !== name);
        if (old !== undefined) expect(defaultOf(after)).toBe(old === name ? remaining[0] : old);
        else expect(defaultOf(after)).toBeUndefined();
      }),
      runs,
    );
  });

  test('removing a source only removes lines, but for the default', () => {
    fc.assert(
      fc.property(someSource, ({ layout: { text }, name }) => {
        const after = removeSource(text, name);
        const added = removedLines(after, text).filter(
          (line) => !/^default_source ?=/.test(line) && !text.includes(line),
        );
        expect(added).toEqual([]);
        expect(hasOneEol(text, after)).toBe(true);
      }),
      runs,
    );
  });

  test('a source that was added and removed leaves nothing but blank lines', () => {
    fc.assert(
      fc.property(
        layouts.filter(
          ({ text, names }) =>
            names.length > 0 &&
            /\S\r?\n$/.test(text) &&
            meaning(text).sources?.every((source) => source.default_source === undefined) === true,
        ),
        ({ text }) => {
          const after = removeSource(addSource(text, newSource('new')), 'new');
          expect(removedLines(text, after).join('').trim()).toBe('');
          expect(removedLines(after, text).join('').trim()).toBe('');
        },
      ),
      runs,
    );
  });

  test('enabling and disabling changes one value in at most one line', () => {
    fc.assert(
      fc.property(someSource, fc.boolean(), ({ layout: { text, names }, name }, enabled) => {
        const after = setSourceEnabled(text, name, enabled);
        const before = meaning(text);
        const index = names.indexOf(name);
        const changed = (before.sources?.[index]?.enabled ?? true) !== enabled;
        const sources = before.sources?.with(index, {
          ...before.sources[index],
          name,
          ...(changed ? { enabled } : {}),
        });
        expect(meaning(after)).toEqual({ ...before, sources });
        expect(removedLines(text, after).length).toBeLessThanOrEqual(1);
        expect(linesOf(after).length - linesOf(text).length).toBeLessThanOrEqual(1);
        expect(hasOneEol(text, after)).toBe(true);
      }),
      runs,
    );
  });

  test('the default is set once, at the top, and every comment stays', () => {
    fc.assert(
      fc.property(someSource, ({ layout: { text }, name }) => {
        const after = setDefaultSource(text, name);
        const parsed = meaning(after);
        expect(parsed.default_source).toBe(name);
        expect(parsed.sources?.some((source) => 'default_source' in source)).toBe(false);
        const lost = removedLines(text, after).filter((line) => !/^default_source ?=/.test(line));
        expect(lost).toEqual([]);
        const comments = (all: string) =>
          all
            .match(/#.*/g)
            ?.map((comment) => comment.trim())
            .toSorted();
        expect(comments(after)).toEqual(comments(text));
        expect(setDefaultSource(after, name)).toBe(after);
        expect(hasOneEol(text, after)).toBe(true);
      }),
      runs,
    );
  });

  test('setting a value sets that value alone', () => {
    const settings = fc.constantFrom<[string, string, unknown]>(
      ['server.host', 'h', { server: { host: 'h' } }],
      ['registry.data_dir', 'd', { registry: { data_dir: 'd' } }],
      ['mirror.packages', 'a/*', { mirror: { packages: ['a/*'] } }],
    );
    fc.assert(
      fc.property(layouts, settings, ({ text }, [key, typed, expected]) => {
        const after = setValue(text, key, typed);
        const [table = ''] = key.split('.');
        const before: { [table: string]: object } = JSON.parse(JSON.stringify(parse(text)));
        const [[, change]] = Object.entries(expected as { [table: string]: object }) as [[string, object]];
        expect(meaning(after)).toEqual({ ...before, [table]: { ...before[table], ...change } });
        expect(removedLines(text, after)).toEqual([]);
        expect(hasOneEol(text, after)).toBe(true);
      }),
      runs,
    );
  });
});

describe('unsetting', () => {
  test.each([
    ['[server]\nport = 1 # why\nhost = "h"\n', 'server.port', '[server]\n# why\nhost = "h"\n'],
    ['# about\n[server]\nport = 1\n', 'server.port', '# about\n[server]\n'],
    ['server.port = 1\n', 'server.port', ''],
    ['server = { port = 1, host = "h" }\n', 'server.port', 'server = { host = "h" }\n'],
    ['server = { port = 1 }\n', 'server.port', 'server = { }\n'],
    ['[server]\nport = 1\n', 'server.host', '[server]\nport = 1\n'],
    [
      'default_source = "a" # why\n[[sources]]\nname = "a"\n',
      'default_source',
      '# why\n[[sources]]\nname = "a"\n',
    ],
    ['[[sources]]\nname = "a"\nauth.token = "t"\n', 'sources.a.auth.token', '[[sources]]\nname = "a"\n'],
    ['[mirror]\npackages = [\n  "a/*", # one\n]\n', 'mirror.packages', '[mirror]\n'],
  ])('of %j, %s', (text, key, expected) => {
    expect(unsetValue(text, key).replace('{  }', '{ }')).toBe(expected);
  });

  test('refuses what is no setting, and the name of a source', () => {
    expect(() => unsetValue('', 'server.prot')).toThrow(UsageError);
    expect(() => unsetValue('[[sources]]\nname = "a"\n', 'sources.a.name')).toThrow(
      'a source cannot do without a name',
    );
  });
});
