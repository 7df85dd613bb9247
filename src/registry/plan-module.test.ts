import { describe, expect, test } from 'vitest';
import { moduleName, version } from '../../test/support/registry-world.ts';
import type { Pin } from '../index/ledger-file.ts';
import { isChecksum } from '../model/checksum.ts';
import type { Decision, Rule } from './decide-origin.ts';
import { contentionFindings } from './module-findings.ts';
import { agreesWithPins } from './pin-changes.ts';
import { type ModuleInput, type ModulePlan, planModule } from './plan-module.ts';

const module = moduleName('alice/json');

function sum(digit: string) {
  const text = digit.repeat(64);
  if (!isChecksum(text)) throw new TypeError(`not a digit: ${digit}`);
  return text;
}

/** `1.0.0=a` is a line of version 1.0.0 whose archive's checksum is 64 times `a`; other texts stand for themselves. */
function file(...lines: string[]): Buffer {
  return Buffer.from(lines.map((text) => `${lineOf(text)}\n`).join(''));
}

function lineOf(text: string): string {
  const match = /^([^=" ]+)=(\w)(!?)$/.exec(text);
  if (!match) return text;
  const [, stated, digit = '', mark] = match;
  // `!` makes other text of the same meaning, as when upstream yanks a version.
  return `{"version":"${stated}","checksum":"${sum(digit)}"${mark ? ',"yanked":true' : ''}}`;
}

const pin = (text: string): Pin => {
  const [stated = '', digit = ''] = text.split('=');
  return {
    version: version(stated),
    checksum: sum(digit),
    firstSeen: '2026-01-01T00:00:00.000Z',
    source: 'public',
    requirements: 'none',
  };
};

function decision(rule: Rule, more: Partial<Decision> = {}): Decision {
  return { rule, origin: 'public', file: 'id', supply: 'all', contender: undefined, waitsFor: [], ...more };
}

interface Given extends Partial<Omit<ModuleInput, 'sourceFile' | 'servedFile' | 'pins' | 'isCached'>> {
  readonly source?: readonly string[] | Buffer;
  readonly served?: readonly string[];
  readonly pins?: readonly string[];
  readonly cached?: string;
}

function plan({ source, served, pins = [], cached = '', ...more }: Given) {
  const input: ModuleInput = {
    module,
    decision: decision('priority'),
    recorded: 'public',
    upstreamFallback: true,
    sourceFile: source === undefined || Buffer.isBuffer(source) ? source : file(...source),
    servedFile: served && file(...served),
    pins: pins.map(pin),
    isCached: (checksum) => cached.includes(checksum.charAt(0)),
    now: '2026-02-02T00:00:00.000Z',
    ...more,
  };
  const result = planModule(input);
  const bytes =
    result.served.kind === 'lines'
      ? result.served.bytes
      : result.served.kind === 'source-file'
        ? input.sourceFile
        : undefined;
  const again = planModule({
    ...input,
    recorded: result.decision.origin ?? input.recorded,
    servedFile: bytes,
    pins: result.pins,
  });
  // Planning twice changes nothing, whatever was planned; only the words of a finding may.
  expect(withoutWords(again)).toEqual(withoutWords(result));
  return {
    kind: result.served.kind,
    text: bytes?.toString(),
    pins: result.pins.map((entry) => `${entry.version}=${entry.checksum.charAt(0)}`),
    versions: result.entries.map(({ version }) => version),
    findings: result.findings.map((finding) =>
      [finding.kind, finding.line ?? finding.source, finding.version].filter(Boolean).join(' '),
    ),
    messages: result.findings.map(({ message }) => message).join('\n'),
    raw: result,
  };
}

function withoutWords({ recorded: _, ...result }: ModulePlan) {
  return { ...result, findings: result.findings.map((finding) => ({ ...finding, message: '' })) };
}

const text = (...lines: string[]) => file(...lines).toString();

describe('a good file', () => {
  test('is served as it is, and each version is pinned', () => {
    const result = plan({ source: ['1.0.0=a', '1.1.0=b'], recorded: undefined });
    expect(result).toMatchObject({
      kind: 'source-file',
      versions: ['1.0.0', '1.1.0'],
      pins: ['1.0.0=a', '1.1.0=b'],
      findings: [],
    });
    expect(result.raw.pins[0]).toEqual({
      version: '1.0.0',
      checksum: sum('a'),
      firstSeen: '2026-02-02T00:00:00.000Z',
      source: 'public',
    });
  });

  test('keeps old pins as they were, and adds new ones after them', () => {
    const { raw } = plan({ source: ['2.0.0=c', '1.0.0=a'], served: ['1.0.0=a'], pins: ['1.0.0=a'] });
    expect(raw.pins.map(({ version: pinned, firstSeen }) => [pinned, firstSeen])).toEqual([
      ['1.0.0', '2026-01-01T00:00:00.000Z'],
      ['2.0.0', '2026-02-02T00:00:00.000Z'],
    ]);
  });

  test.each([
    ['no newline at its end', `${lineOf('1.0.0=a')}\n${lineOf('1.1.0=b')}`],
    ['carriage returns', `${lineOf('1.0.0=a')}\r\n${lineOf('1.1.0=b')}\r\n`],
    ['odd spaces', `  ${lineOf('1.0.0=a')} \n${lineOf('1.1.0=b')}\n`],
  ])('with %s passes byte for byte', (_, content) => {
    expect(plan({ source: Buffer.from(content) })).toMatchObject({ kind: 'source-file', text: content });
  });

  test('may change anything but a checksum: a line that is yanked goes through', () => {
    const given = { served: ['1.0.0=a'], pins: ['1.0.0=a'] };
    expect(plan({ ...given, source: ['1.0.0=a!'] })).toMatchObject({ kind: 'source-file', findings: [] });
  });

  test('from which a version has gone lists it no longer, but its pin stays', () => {
    const given = { served: ['1.0.0=a', '1.1.0=b'], pins: ['1.0.0=a', '1.1.0=b'] };
    expect(plan({ ...given, source: ['1.1.0=b'] })).toMatchObject({
      kind: 'source-file',
      versions: ['1.1.0'],
      pins: ['1.0.0=a', '1.1.0=b'],
    });
  });

  test('may tell versions apart by build metadata alone', () => {
    const result = plan({ source: ['1.0.0=a', '1.0.0+1=b', '1.0.0+01=c'], pins: ['1.0.0=a'] });
    expect(result.pins).toEqual(['1.0.0=a', '1.0.0+1=b', '1.0.0+01=c']);
    expect(result.kind).toBe('source-file');
  });
});

describe('rule 3: a version with another checksum than it was served with', () => {
  test('stays with the line served so far, in its place', () => {
    const given = { served: ['1.0.0=a', '1.1.0=b'], pins: ['1.0.0=a', '1.1.0=b'] };
    const result = plan({ ...given, source: ['1.0.0=f', '1.1.0=b', '1.2.0=c'] });
    expect(result).toMatchObject({
      kind: 'lines',
      text: text('1.0.0=a', '1.1.0=b', '1.2.0=c'),
      pins: ['1.0.0=a', '1.1.0=b', '1.2.0=c'],
      findings: ['checksum-conflict 1 1.0.0'],
    });
    expect(result.raw.findings[0]).toMatchObject({
      module,
      source: 'public',
      pinned: sum('a'),
      offered: sum('f'),
    });
    expect(result.messages).toContain('it stays as it was');
  });

  test('is withheld where the line served so far is gone', () => {
    const result = plan({
      source: ['1.0.0=f', '1.1.0=b'],
      served: ['1.1.0=b'],
      pins: ['1.0.0=a', '1.1.0=b'],
    });
    expect(result).toMatchObject({
      kind: 'lines',
      text: text('1.1.0=b'),
      pins: ['1.0.0=a', '1.1.0=b'],
      findings: ['checksum-conflict 1 1.0.0'],
    });
    expect(result.messages).toContain('it is withheld');
  });

  test('is withheld where only what is cached is listed, and its bytes are not', () => {
    const given = { source: ['1.0.0=f'], served: ['1.0.0=a'], pins: ['1.0.0=a'], upstreamFallback: false };
    expect(plan({ ...given, cached: '' })).toMatchObject({
      kind: 'none',
      messages: expect.stringContaining('it is withheld'),
    });
    expect(plan({ ...given, cached: 'a' }).messages).toContain('it stays as it was');
  });

  test('is withheld although nothing else is left', () => {
    expect(plan({ source: ['1.0.0=f'], pins: ['1.0.0=a'] })).toMatchObject({
      kind: 'none',
      pins: ['1.0.0=a'],
    });
  });

  test('gives way to the right line above it', () => {
    expect(plan({ source: ['1.0.0=a', '1.0.0=f'], served: ['1.0.0=a'], pins: ['1.0.0=a'] })).toMatchObject({
      kind: 'lines',
      text: text('1.0.0=a'),
      findings: ['checksum-conflict 2 1.0.0'],
    });
  });

  test('is no conflict where the right line stands below it, for that is the one clients read', () => {
    expect(plan({ source: ['1.0.0=f', '1.0.0=a'], served: ['1.0.0=a'], pins: ['1.0.0=a'] })).toMatchObject({
      kind: 'lines',
      text: text('1.0.0=a'),
      findings: ['dropped-line 1'],
    });
  });

  test('that is listed twice brings the old line back once', () => {
    expect(plan({ source: ['1.0.0=f', '1.0.0=e'], served: ['1.0.0=a'], pins: ['1.0.0=a'] })).toMatchObject({
      text: text('1.0.0=a'),
      findings: ['checksum-conflict 1 1.0.0', 'checksum-conflict 2 1.0.0'],
    });
  });

  test('is as before once upstream has mended it', () => {
    const given = { served: ['1.0.0=a'], pins: ['1.0.0=a'] };
    expect(plan({ ...given, source: ['1.0.0=a'] })).toMatchObject({ kind: 'source-file', findings: [] });
  });

  test('is withheld when a claim takes the module, for the old line is the other source’s', () => {
    const claimed = { decision: decision('claimed', { origin: 'internal' }), recorded: 'public' };
    const given = { ...claimed, served: ['1.0.0=a', '1.1.0=b'], pins: ['1.0.0=a', '1.1.0=b'] };
    expect(plan({ ...given, source: ['1.0.0=f', '2.0.0=c'] })).toMatchObject({
      kind: 'lines',
      text: text('2.0.0=c'),
      pins: ['1.0.0=a', '1.1.0=b', '2.0.0=c'],
    });
    expect(plan({ ...given, recorded: 'internal', source: ['1.0.0=f', '2.0.0=c'] })).toMatchObject({
      text: text('1.0.0=a', '2.0.0=c'),
    });
  });
});

describe('a new version that is listed twice', () => {
  test.each([
    [
      'with two checksums is its last line, the one clients read',
      ['1.0.0=a', '1.0.0=b'],
      ['1.0.0=b'],
      'lines',
    ],
    [
      'with one checksum is passed on as it is',
      ['1.0.0=a', '1.0.0=a!'],
      ['1.0.0=a', '1.0.0=a!'],
      'source-file',
    ],
    [
      'with one of two checksums twice keeps that one',
      ['1.0.0=b', '1.0.0=a', '1.0.0=b!'],
      ['1.0.0=b', '1.0.0=b!'],
      'lines',
    ],
  ])('%s', (_, source, expected, kind) => {
    const result = plan({ source, recorded: undefined });
    expect(result).toMatchObject({ kind, text: text(...expected), versions: ['1.0.0'] });
    expect(result.pins).toHaveLength(1);
    expect(result.findings).toEqual(kind === 'lines' ? [expect.stringMatching(/^dropped-line /)] : []);
  });
});

describe('a malformed line', () => {
  const bad = ['', '{', '<html>', '{"version":"1.0"}', '{"version":"../../x","checksum":"0"}'];

  test('is dropped, whole, and reported by its number', () => {
    expect(plan({ source: ['1.0.0=a', ...bad, '1.1.0=b'] })).toMatchObject({
      kind: 'lines',
      text: text('1.0.0=a', '1.1.0=b'),
      pins: ['1.0.0=a', '1.1.0=b'],
      findings: [2, 3, 4, 5, 6].map((line) => `dropped-line ${line}`),
    });
  });

  test.each([[bad], [['<!doctype html>']], [['\u0000']]])(
    'among none that is good serves nothing',
    (source) => {
      const result = plan({ source, served: ['1.0.0=a'], pins: ['1.0.0=a'] });
      expect(result).toMatchObject({ kind: 'none', versions: [], pins: ['1.0.0=a'] });
      expect(result.findings).toHaveLength(source.length);
    },
  );

  test('names where it is, and nothing that could forge another line of output', () => {
    const { messages } = plan({ source: ['{"version":"\\u001b[31m\\n","checksum":"x"}'] });
    expect(messages).toMatch(/^line 1 [ -~]*$/);
  });
});

describe('rule 6: only what is here', () => {
  const source = ['1.0.0=a', '1.1.0=b', '1.2.0=c'];

  test.each([
    ['without fetching on demand', { upstreamFallback: false }],
    ['of a disabled origin', { decision: decision('recorded', { supply: 'obtainable' }) }],
  ])('is listed %s', (_, given) => {
    expect(plan({ ...given, source, cached: 'ac' })).toMatchObject({
      kind: 'lines',
      text: text('1.0.0=a', '1.2.0=c'),
      versions: ['1.0.0', '1.2.0'],
      pins: ['1.0.0=a', '1.2.0=c'],
      findings: [],
    });
    expect(plan({ ...given, source, cached: 'abc' })).toMatchObject({ kind: 'source-file' });
    expect(plan({ ...given, source, cached: '' })).toMatchObject({ kind: 'none', pins: [] });
  });

  test('counts for the line that rule 3 keeps, not for the one offered', () => {
    const given = { upstreamFallback: false, source: ['1.0.0=f'], served: ['1.0.0=a'], pins: ['1.0.0=a'] };
    expect(plan({ ...given, cached: 'a' })).toMatchObject({ text: text('1.0.0=a') });
    expect(plan({ ...given, cached: 'f' })).toMatchObject({ kind: 'none' });
  });
});

describe('a module without a file', () => {
  test.each([
    ['that its origin no longer lists', decision('recorded', { file: undefined })],
    ['that is unlisted', decision('unlisted', { origin: undefined, file: undefined })],
    ['that is claimed by a source without it', decision('claimed', { origin: 'internal', file: undefined })],
  ])('%s serves nothing and forgets nothing', (_, made) => {
    const given = { decision: made, served: ['1.0.0=a'], pins: ['1.0.0=a'] };
    expect(plan(given)).toMatchObject({ kind: 'none', versions: [], pins: ['1.0.0=a'], findings: [] });
  });

  test('that is undecided or held says so', () => {
    const undecided = decision('undecided', { origin: undefined, file: undefined, contender: 'internal' });
    expect(plan({ decision: undecided, recorded: undefined })).toMatchObject({
      kind: 'none',
      findings: ['undecided internal'],
    });
    const held = decision('held', { file: undefined, contender: 'mooncakes' });
    expect(plan({ decision: held, pins: ['1.0.0=a'] })).toMatchObject({
      kind: 'none',
      findings: ['origin-conflict mooncakes'],
    });
  });
});

test('only what waits for the operator is a finding of the decision itself', () => {
  for (const rule of ['claimed', 'priority', 'recorded', 'moved', 'unlisted'] as const)
    expect(contentionFindings(module, decision(rule, { contender: 'other' }))).toEqual([]);
  for (const rule of ['held', 'undecided'] as const)
    expect(contentionFindings(module, decision(rule, { contender: 'other' }))).toMatchObject([
      { source: 'other' },
    ]);
});

describe('a file agrees with the pins', () => {
  test.each([
    ['when it has them all', ['1.0.0=a', '1.1.0=b'], true],
    ['when it has more', ['1.0.0=a', '1.1.0=b', '2.0.0=f'], true],
    ['when it has fewer', ['1.1.0=b'], true],
    ['when it has none', ['2.0.0=f'], true],
    ['never with another checksum', ['1.0.0=a', '1.1.0=f'], false],
    ['never with another checksum beside the right one', ['1.0.0=f', '1.0.0=a'], false],
    ['whatever else is malformed', ['1.0.0=a', '{'], true],
  ])('%s', (_, lines, expected) => {
    expect(agreesWithPins(file(...lines), ['1.0.0=a', '1.1.0=b'].map(pin))).toBe(expected);
  });
});
