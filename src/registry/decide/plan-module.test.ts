import { describe, expect, test } from 'vitest';
import { moduleName, version } from '../../../test/support/registry-world.ts';
import { parseIndexFile, unreadableFile } from '../../index/index-file.ts';
import type { Pin } from '../../index/ledger-file.ts';
import { isChecksum } from '../../model/checksum.ts';
import { lineOf as lineOfFinding, versionOf as versionOfFinding } from '../../model/finding.ts';
import { requirementsDigest } from '../../model/requirements.ts';
import type { Decision, Rule } from './decide-origin.ts';
import { hiddenVersions } from './hidden-versions.ts';
import { contentionFindings } from './module-findings.ts';
import { agreesWithPins, pinChanges } from './pin-changes.ts';
import { type ModulePlan, type PlannedFile, planModule } from './plan-module.ts';
import type { PlanningFacts, PlanningInput } from './planning-input.ts';
import { policyConfig } from './policy.fixture.ts';
import { policyOf } from './policy.ts';

const module = moduleName('alice/json');

function sum(digit: string) {
  const text = digit.repeat(64);
  if (!isChecksum(text)) throw new TypeError(`not a digit: ${digit}`);
  return text;
}

/**
 * `1.0.0=a` is a line of version 1.0.0 whose archive's checksum is 64 times `a`, and `1.0.0=a>x` one that requires x/x;
 * other texts stand for themselves.
 */
function file(...lines: string[]): Buffer {
  return Buffer.from(lines.map((text) => `${lineOf(text)}\n`).join(''));
}

function lineOf(text: string): string {
  const match = /^([^=" ]+)=(\w)(?:>(\w))?(!?)$/.exec(text);
  if (!match) return text;
  const [, stated, digit = '', required, mark] = match;
  const deps = required === undefined ? '' : `,"deps":{"${required}/${required}":"1.0.0"}`;
  // `!` makes other text of the same meaning, as when upstream yanks a version.
  return `{"version":"${stated}","checksum":"${sum(digit)}"${deps}${mark ? ',"yanked":true' : ''}}`;
}

/** The digest of what a line of `file` with `>x` requires. */
function requiring(letter: string): string {
  return requirementsDigest({ deps: new Map([[`${letter}/${letter}`, { version: '1.0.0' }]]), binDeps: [] });
}

/** `1.0.0=a` requires nothing, `1.0.0=a>x` what such a line does; of `1.0.0=a?` nobody knows. */
const pin = (text: string): Pin => {
  const [, stated = '', digit = '', required, unknown] = /^([^=]+)=(\w)(?:>(\w))?(\??)$/.exec(text) ?? [];
  return {
    version: version(stated),
    checksum: sum(digit),
    firstSeen: '2026-01-01T00:00:00.000Z',
    source: 'public',
    requirements: unknown ? undefined : required === undefined ? 'none' : requiring(required),
  };
};

function decision(rule: Rule, more: Partial<Decision> = {}): Decision {
  return { rule, origin: 'public', file: 'id', supply: 'all', contender: undefined, waitsFor: [], ...more };
}

interface Given {
  readonly decision?: Decision;
  readonly recorded?: string | undefined;
  /** Lines of index files, as `file` takes them. */
  readonly source?: readonly string[] | Buffer;
  /** Instead of `source`. */
  readonly unreadable?: string;
  readonly served?: readonly string[];
  readonly elsewhere?: readonly string[];
  readonly contender?: readonly string[];
  readonly pins?: readonly string[];
  /** First digits of checksums. */
  readonly cached?: string;
  readonly blocked?: readonly string[];
  readonly upstreamFallback?: boolean;
  readonly deletedUpstream?: 'keep' | 'follow';
}

function policyFor({ upstreamFallback = true, deletedUpstream = 'keep', blocked = [] }: Given) {
  const blocks = blocked.map((one) => ({ module, version: version(one), reason: '', at: '', by: '' }));
  const config = policyConfig([{ name: 'public', deletedUpstream }, { name: 'internal' }], upstreamFallback);
  return policyOf(config, [], { acceptedNames: [], blocks });
}

function plan(given: Given) {
  const { source, unreadable, served, elsewhere, contender, pins = [], cached = '' } = given;
  const bytesOfSource = source === undefined || Buffer.isBuffer(source) ? source : file(...source);
  const parse = (bytes: Buffer | undefined) => bytes && parseIndexFile(bytes);
  const facts: PlanningFacts = {
    module,
    recorded: 'recorded' in given ? given.recorded : 'public',
    sourceFile: unreadable === undefined ? parse(bytesOfSource) : unreadableFile(0, unreadable),
    servedFile: served && parse(file(...served)),
    pins: pins.map(pin),
    cached: new Set([...cached].map(sum)),
    elsewhere: elsewhere ? [parseIndexFile(file(...elsewhere))] : [],
    contender: contender && parse(file(...contender)),
  };
  const input: PlanningInput = {
    policy: policyFor(given),
    decision: given.decision ?? decision('priority'),
    facts,
    now: '2026-02-02T00:00:00.000Z',
  };
  const result = planModule(input);
  const bytesOf = (planned: PlannedFile) =>
    planned.kind === 'lines' ? planned.bytes : planned.kind === 'source-file' ? bytesOfSource : undefined;
  const bytes = bytesOf(result.served);
  const again = planModule({
    ...input,
    facts: {
      ...facts,
      recorded: result.decision.origin ?? facts.recorded,
      servedFile: parse(bytesOf(result.unblocked) ?? bytes),
      pins: result.pins,
    },
  });
  // Planning twice changes nothing, whatever was planned; only the words of a finding may.
  expect(withoutWords(again)).toEqual(withoutWords(result));
  return {
    kind: result.served.kind,
    text: bytes?.toString(),
    unblocked: bytesOf(result.unblocked)?.toString(),
    pins: result.pins.map((entry) => `${entry.version}=${entry.checksum.charAt(0)}`),
    versions: result.entries.map(({ version }) => version),
    findings: result.findings.map((finding) =>
      [finding.kind, lineOfFinding(finding) ?? finding.source, versionOfFinding(finding)]
        .filter(Boolean)
        .join(' '),
    ),
    messages: result.findings.map(({ message }) => message).join('\n'),
    raw: result,
  };
}

function withoutWords({ recorded: _, ...result }: ModulePlan) {
  return { ...result, findings: result.findings.map((finding) => ({ ...finding, message: '' })) };
}

const text = (...lines: string[]) => file(...lines).toString();

/** Of `1.0.0=a`. */
const versionOf = (line: string) => version(line.slice(0, -2));

/** One object for each way to choose a value for every key. */
function combine<T extends Record<string, readonly unknown[]>>(choices: T) {
  let made: Record<string, unknown>[] = [{}];
  for (const [key, values] of Object.entries(choices))
    made = made.flatMap((one) => values.map((value) => ({ ...one, [key]: value })));
  return made as { [Key in keyof T]: T[Key][number] }[];
}

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
      requirements: 'none',
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

  test('may change anything but checksum and requirements: a line that is yanked goes through', () => {
    const given = { served: ['1.0.0=a'], pins: ['1.0.0=a'] };
    expect(plan({ ...given, source: ['1.0.0=a!'] })).toMatchObject({ kind: 'source-file', findings: [] });
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

  test('is told as it is served: its own bytes are what must be here, not those offered beside it', () => {
    const given = { source: ['1.0.0=a', '1.0.0=f'], served: ['1.0.0=a'], pins: ['1.0.0=a'] };
    expect(plan({ ...given, upstreamFallback: false, cached: 'a' })).toMatchObject({
      text: text('1.0.0=a'),
      messages: expect.stringContaining('it stays as it was'),
    });
    expect(plan({ ...given, upstreamFallback: false, cached: 'f' })).toMatchObject({
      kind: 'none',
      messages: expect.stringContaining('it is withheld'),
    });
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

  test('that is listed twice brings the old line back once, and is one conflict: that of the line clients read', () => {
    const result = plan({ source: ['1.0.0=f', '1.0.0=e'], served: ['1.0.0=a'], pins: ['1.0.0=a'] });
    expect(result).toMatchObject({ text: text('1.0.0=a'), findings: ['checksum-conflict 2 1.0.0'] });
    expect(result.raw.findings[0]).toMatchObject({ pinned: sum('a'), offered: sum('e') });
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

  test('names where it is, and nothing that could forge another line of output', () => {
    const { messages } = plan({ source: ['{"version":"\\u001b[31m\\n","checksum":"x"}', '1.0.0=a'] });
    expect(messages).toMatch(/^line 1 [ -~]*$/);
  });
});

describe('a file that cannot be used', () => {
  const half = lineOf('1.1.0=b').slice(0, 60);
  const broken: [string, readonly string[] | Buffer][] = [
    ['is empty', Buffer.alloc(0)],
    ['has nothing but newlines', ['', '']],
    ['is a web page', ['<!doctype html>', '<title>Sorry</title>']],
    ['is full of NULs', Buffer.alloc(300)],
    ['ends in the middle of its only line', Buffer.from(half)],
    ['is no UTF-8', Buffer.from([0xff, 0xfe, 0x7b, 0x7d, 0x0a])],
    ['is a JSON array', ['[]']],
  ];

  test.each(broken)('because it %s leaves what was served as it was', (_, source) => {
    const served = ['1.0.0=a', '1.1.0=b'];
    expect(plan({ source, served, pins: served })).toMatchObject({
      kind: 'lines',
      text: text(...served),
      pins: served,
      findings: ['broken-file public'],
      messages: expect.stringContaining('what was served of it stays'),
    });
  });

  test('is told once, whatever the number of its lines', () => {
    const source = Array.from({ length: 500 }, () => '<br>');
    expect(plan({ source, served: ['1.0.0=a'], pins: ['1.0.0=a'] }).findings).toEqual(['broken-file public']);
  });

  test('because it is too large to be read does so too, and says how large it is', () => {
    const unreadable = 'it has 17,825,792 bytes, more than 16,777,216';
    expect(plan({ unreadable, served: ['1.0.0=a'], pins: ['1.0.0=a'] })).toMatchObject({
      text: text('1.0.0=a'),
      messages: expect.stringContaining('17,825,792'),
    });
  });

  test('of a module that was never served serves nothing, and says so', () => {
    expect(plan({ source: ['<html>'], recorded: undefined })).toMatchObject({
      kind: 'none',
      pins: [],
      findings: ['broken-file public'],
      messages: expect.stringContaining('nothing of it is listed'),
    });
  });

  test('keeps nothing that another source has given', () => {
    const given = { source: ['<html>'], served: ['1.0.0=a'], pins: ['1.0.0=a'] };
    const claimed = decision('claimed', { origin: 'internal', contender: 'public' });
    expect(plan({ ...given, decision: claimed })).toMatchObject({ kind: 'none', pins: ['1.0.0=a'] });
    expect(plan({ ...given, decision: claimed, recorded: 'internal' })).toMatchObject({
      text: text('1.0.0=a'),
    });
  });

  test('keeps of a disabled origin, or with fallback off, what can be had', () => {
    const given = { source: ['<html>'], served: ['1.0.0=a', '1.1.0=b'], pins: ['1.0.0=a', '1.1.0=b'] };
    const disabled = { decision: decision('recorded', { supply: 'obtainable' }) };
    for (const more of [disabled, { upstreamFallback: false }])
      expect(plan({ ...given, ...more, cached: 'b' })).toMatchObject({ text: text('1.1.0=b') });
  });
});

describe('a pinned version whose line can no longer be read', () => {
  const served = ['1.0.0=a', '1.1.0=b'];
  const given = { served, pins: served };

  test('keeps the line that was served', () => {
    const result = plan({ ...given, source: [lineOf('1.0.0=a').slice(0, 40), '1.1.0=b', '1.2.0=c'] });
    expect(result.text?.trimEnd().split('\n').sort()).toEqual(
      ['1.0.0=a', '1.1.0=b', '1.2.0=c'].map(lineOf).sort(),
    );
    expect(result).toMatchObject({ pins: ['1.0.0=a', '1.1.0=b', '1.2.0=c'], findings: ['dropped-line 1'] });
  });

  test('keeps it however often it is read so, and is as before once it is mended', () => {
    const source = ['{', '1.1.0=b'];
    const once = plan({ ...given, source });
    const again = plan({ ...given, source, served: once.text?.trimEnd().split('\n') ?? [] });
    expect(again.text).toBe(once.text);
    expect(plan({ ...given, source: served, served: again.text?.trimEnd().split('\n') ?? [] })).toMatchObject(
      {
        kind: 'source-file',
        findings: [],
      },
    );
  });

  test('is not brought back where it was not served', () => {
    expect(plan({ ...given, source: ['{', '1.1.0=b'], served: ['1.1.0=b'] })).toMatchObject({
      text: text('1.1.0=b'),
      findings: ['dropped-line 1'],
    });
  });

  test('has its pin kept where the move of the module leaves nothing else', () => {
    const claimed = { decision: decision('claimed', { origin: 'internal', contender: 'public' }) };
    expect(plan({ ...given, ...claimed, source: ['{', '1.1.0=b'] })).toMatchObject({
      text: text('1.1.0=b'),
      pins: served,
    });
  });
});

describe('a version that upstream has deleted', () => {
  const served = ['1.0.0=a', '1.1.0=b', '1.2.0=c'];
  const given = { served, pins: served, source: ['1.1.0=b'] };

  test('stays as long as it is cached', () => {
    expect(plan({ ...given, cached: 'a' })).toMatchObject({
      kind: 'lines',
      versions: ['1.0.0', '1.1.0'],
      pins: served,
      findings: [],
    });
    expect(plan({ ...given, cached: 'a' }).text).toContain(lineOf('1.0.0=a'));
  });

  test('goes where it is not, but its pin stays', () => {
    expect(plan(given)).toMatchObject({ kind: 'source-file', versions: ['1.1.0'], pins: served });
  });

  test('goes although it is cached where the operator follows deletions', () => {
    expect(plan({ ...given, cached: 'abc', deletedUpstream: 'follow' })).toMatchObject({
      kind: 'source-file',
      versions: ['1.1.0'],
      pins: served,
    });
  });

  test('is restored by upstream as it was', () => {
    const kept =
      plan({ ...given, cached: 'a' })
        .text?.trimEnd()
        .split('\n') ?? [];
    expect(plan({ ...given, served: kept, source: served, cached: 'a' })).toMatchObject({
      kind: 'source-file',
      versions: ['1.0.0', '1.1.0', '1.2.0'],
      findings: [],
    });
  });

  test('with its whole module stays likewise', () => {
    const gone = { decision: decision('recorded', { file: undefined }), served, pins: served };
    expect(plan({ ...gone, cached: 'ac' })).toMatchObject({
      kind: 'lines',
      text: text('1.0.0=a', '1.2.0=c'),
    });
    expect(plan({ ...gone, cached: 'ac', deletedUpstream: 'follow' })).toMatchObject({ kind: 'none' });
    expect(plan(gone)).toMatchObject({ kind: 'none', pins: served });
  });

  test('never stays where a claim or the operator moves the module', () => {
    for (const rule of ['claimed', 'moved'] as const) {
      const moved = { decision: decision(rule, { origin: 'internal', contender: 'public' }) };
      expect(plan({ ...given, ...moved, cached: 'abc' })).toMatchObject({
        versions: ['1.1.0'],
        pins: served,
      });
      const gone = decision(rule, { origin: 'internal', contender: 'public', file: undefined });
      expect(plan({ decision: gone, served, pins: served, cached: 'abc' })).toMatchObject({ kind: 'none' });
    }
  });
});

describe('rule 3: a version with other requirements than it was served with', () => {
  const given = { served: ['1.0.0=a>x', '1.1.0=b'], pins: ['1.0.0=a>x', '1.1.0=b'] };

  test.each([
    ['something else', '1.0.0=a>y', requiring('y')],
    ['nothing any more', '1.0.0=a', 'none'],
    [
      'more than before',
      `{"version":"1.0.0","checksum":"${sum('a')}","deps":{"x/x":"1.0.0","y/y":"1.0.0"}}`,
      undefined,
    ],
    ['a tool as well', `${lineOf('1.0.0=a>x').slice(0, -1)},"bin-deps":{"y/y":"1.0.0"}}`, undefined],
    ['another version of the same', lineOf('1.0.0=a>x').replace('"x/x":"1.0.0"', '"x/x":"2.0.0"'), undefined],
  ])('stays with the line served so far where it requires %s', (_, line, offered) => {
    const result = plan({ ...given, source: [line, '1.1.0=b', '1.2.0=c'] });
    expect(result).toMatchObject({
      kind: 'lines',
      text: text('1.0.0=a>x', '1.1.0=b', '1.2.0=c'),
      findings: ['requirements-conflict 1 1.0.0'],
      messages: expect.stringContaining('it stays as it was'),
    });
    expect(result.raw.findings[0]).toMatchObject({
      pinned: sum('a'),
      offered: sum('a'),
      requirements: { pinned: requiring('x'), offered: offered ?? expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(result.raw.pins.slice(0, 2)).toEqual(given.pins.map(pin));
  });

  test.each([
    ['another order of keys', `{"deps":{"x/x":"1.0.0"},"checksum":"${sum('a')}","version":"1.0.0"}`],
    ['an object instead of a text', lineOf('1.0.0=a>x').replace('"1.0.0"}', '{"version":"1.0.0"}}')],
    ['tools that are none', `${lineOf('1.0.0=a>x').slice(0, -1)},"bin-deps":{}}`],
    ['tools that are null', `${lineOf('1.0.0=a>x').slice(0, -1)},"bin-deps":null}`],
    ['a mark that it is yanked', lineOf('1.0.0=a>x!')],
  ])('is no other where it is written with %s', (_, line) => {
    expect(plan({ ...given, source: [line, '1.1.0=b'] })).toMatchObject({
      kind: 'source-file',
      findings: [],
    });
  });

  test('is withheld where the line served so far is gone', () => {
    expect(plan({ ...given, served: ['1.1.0=b'], source: ['1.0.0=a>y', '1.1.0=b'] })).toMatchObject({
      text: text('1.1.0=b'),
      findings: ['requirements-conflict 1 1.0.0'],
      messages: expect.stringContaining('it is withheld'),
    });
  });

  test('and other bytes is a conflict about its checksum that names both', () => {
    const { raw } = plan({ ...given, source: ['1.0.0=f>y', '1.1.0=b'] });
    expect(raw.findings).toMatchObject([
      {
        kind: 'checksum-conflict',
        pinned: sum('a'),
        offered: sum('f'),
        requirements: { pinned: requiring('x'), offered: requiring('y') },
      },
    ]);
  });

  test('gives way to the right line beside it, wherever that stands', () => {
    const right = { served: ['1.0.0=a>x'], pins: ['1.0.0=a>x'] };
    expect(plan({ ...right, source: ['1.0.0=a>x', '1.0.0=a>y'] })).toMatchObject({
      text: text('1.0.0=a>x'),
      findings: ['requirements-conflict 2 1.0.0'],
    });
    expect(plan({ ...right, source: ['1.0.0=a>y', '1.0.0=a>x'] })).toMatchObject({
      text: text('1.0.0=a>x'),
      findings: ['dropped-line 1'],
    });
  });

  test('of which nobody knows what it required learns it from what is served next, and keeps it', () => {
    const learning = plan({ source: ['1.0.0=a>x', '1.1.0=b'], pins: ['1.0.0=a?', '1.1.0=b?'] });
    expect(learning).toMatchObject({ kind: 'source-file', findings: [] });
    expect(learning.raw.pins).toEqual(['1.0.0=a>x', '1.1.0=b'].map(pin));
  });

  test('of which nobody knows it stays unknown while its line is not served', () => {
    const { raw } = plan({ source: ['1.1.0=b'], pins: ['1.0.0=a?', '1.1.0=b'] });
    expect(raw.pins).toEqual(['1.0.0=a?', '1.1.0=b'].map(pin));
  });
});

describe('rule 6: only what is here', () => {
  const source = ['1.0.0=a', '1.1.0=b', '1.2.0=c'];

  test('is listed without fetching on demand', () => {
    const given = { upstreamFallback: false, source };
    expect(plan({ ...given, cached: 'ac' })).toMatchObject({
      kind: 'lines',
      text: text('1.0.0=a', '1.2.0=c'),
      versions: ['1.0.0', '1.2.0'],
      pins: ['1.0.0=a', '1.2.0=c'],
      findings: [],
    });
    expect(plan({ ...given, cached: 'abc' })).toMatchObject({ kind: 'source-file' });
    expect(plan({ ...given, cached: '' })).toMatchObject({ kind: 'none', pins: [] });
  });

  test('or with another enabled source is listed of a disabled origin, if it was listed before', () => {
    const disabled = decision('recorded', { supply: 'obtainable' });
    const given = { decision: disabled, source, served: source, pins: source };
    expect(plan({ ...given, cached: 'ac' })).toMatchObject({
      text: text('1.0.0=a', '1.2.0=c'),
      pins: source,
    });
    expect(plan({ ...given, cached: 'abc' })).toMatchObject({ kind: 'source-file' });
    expect(plan(given)).toMatchObject({ kind: 'none', pins: source });
    const elsewhere = { elsewhere: ['1.1.0=b'] };
    expect(plan({ ...given, ...elsewhere })).toMatchObject({ text: text('1.1.0=b') });
    expect(plan({ ...given, ...elsewhere, cached: 'a' })).toMatchObject({ text: text('1.0.0=a', '1.1.0=b') });
    // With other bytes there, or without fetching on demand, it cannot be had.
    expect(plan({ ...given, ...elsewhere, upstreamFallback: false })).toMatchObject({ kind: 'none' });
    const other = { elsewhere: ['1.0.0=f', '1.1.0=f', '1.2.0=f'] };
    expect(plan({ ...given, ...other })).toMatchObject({ kind: 'none' });
  });

  test('of a disabled origin has no version that was never listed, cached or not', () => {
    const given = { decision: decision('recorded', { supply: 'obtainable' }), source, pins: ['1.0.0=a'] };
    expect(plan({ ...given, cached: 'abc', elsewhere: source })).toMatchObject({
      text: text('1.0.0=a'),
      pins: ['1.0.0=a'],
    });
  });

  test('of a disabled origin is its file as it is, where just the versions that it deleted cannot be had', () => {
    const given = { decision: decision('recorded', { supply: 'obtainable' }), served: source, pins: source };
    const content = Buffer.from(`${lineOf('1.1.0=b')}\n${lineOf('1.2.0=c')}`);
    expect(plan({ ...given, source: content, cached: 'bc' })).toMatchObject({
      kind: 'source-file',
      text: content.toString(),
    });
  });

  test('of a disabled origin deletes nothing', () => {
    const given = { decision: decision('recorded', { supply: 'obtainable' }), served: source, pins: source };
    expect(plan({ ...given, source: [], cached: 'a' })).toMatchObject({ text: text('1.0.0=a') });
    const follow = { source: ['1.2.0=c'], deletedUpstream: 'follow' as const };
    expect(plan({ ...given, ...follow, cached: 'a' })).toMatchObject({ text: text('1.0.0=a') });
  });

  test('counts for the line that rule 3 keeps, not for the one offered', () => {
    const given = { upstreamFallback: false, source: ['1.0.0=f'], served: ['1.0.0=a'], pins: ['1.0.0=a'] };
    expect(plan({ ...given, cached: 'a' })).toMatchObject({ text: text('1.0.0=a') });
    expect(plan({ ...given, cached: 'f' })).toMatchObject({ kind: 'none' });
  });
});

describe('rule 6: whatever has become of the file', () => {
  const served = ['1.0.0=a', '1.1.0=b'];
  const files: [string, Given][] = [
    ['it is as it was', { source: served }],
    ['it has more', { source: [...served, '1.2.0=c'] }],
    ['it is broken', { source: ['<html>'] }],
    ['it is too large', { unreadable: 'it has 17,825,792 bytes' }],
    ['it is gone', {}],
    ['a version is gone', { source: ['1.1.0=b'] }],
    ['a line cannot be read', { source: ['{', '', '1.1.0=b'] }],
    ['a version has other bytes', { source: ['1.0.0=f', '1.1.0=b'] }],
    ['a version has other bytes beside its own', { source: ['1.0.0=a', '1.0.0=f', '1.1.0=b'] }],
  ];
  const conditions = combine({
    supply: ['all', 'pinned', 'obtainable', 'none'] as const,
    recorded: ['public', 'before'],
    upstreamFallback: [true, false],
    cached: ['', 'a', 'bcf'],
    elsewhere: ['', 'a'],
    blocked: ['', '1.0.0', '1.1.0'],
  });

  test.each(files)('%s: what is listed can be had, and what is here stays', (_, given) => {
    for (const { supply, elsewhere, blocked, ...condition } of conditions) {
      const { recorded, upstreamFallback, cached } = condition;
      const { raw } = plan({
        ...{ served, pins: served, ...given, ...condition },
        decision: decision('priority', { supply }),
        blocked: blocked === '' ? [] : [blocked],
        elsewhere: elsewhere === '' ? [] : [`1.0.0=${elsewhere}`],
      });
      const listed = raw.entries.map((entry) => `${entry.version}=${entry.checksum.charAt(0)}`);
      const told = JSON.stringify({ supply, elsewhere, blocked, ...condition });
      const canBeHad = (line: string) => {
        const digit = line.slice(-1);
        const mayFetch = upstreamFallback && (supply !== 'obtainable' || elsewhere.includes(digit));
        return supply !== 'none' && (cached.includes(digit) || mayFetch);
      };
      expect(listed.filter(canBeHad), told).toEqual(listed);
      if (supply !== 'all') expect(served, told).toEqual(expect.arrayContaining(listed));

      const isKept = recorded === 'public' && supply !== 'none';
      const here = served.filter((line) => isKept && cached.includes(line.slice(-1)));
      const hidden = new Set<string>(
        hiddenVersions(new Set([...listed, ...here].map(versionOf)), (one) => one === blocked),
      );
      expect(listed, told).toEqual(
        expect.arrayContaining(here.filter((line) => !hidden.has(versionOf(line)))),
      );
    }
  });
});

describe('a module that is claimed, and whose claimant disagrees', () => {
  const held = decision('held', { supply: 'pinned', contender: 'internal' });
  const given = { decision: held, served: ['1.0.0=a', '1.1.0=b'], pins: ['1.0.0=a', '1.1.0=b'] };

  test('goes on as it was served, and lists nothing new', () => {
    expect(plan({ ...given, source: ['1.0.0=a', '1.1.0=b', '99.0.0=f'] })).toMatchObject({
      kind: 'lines',
      text: text('1.0.0=a', '1.1.0=b'),
      pins: ['1.0.0=a', '1.1.0=b'],
    });
    expect(plan({ ...given, source: ['1.0.0=a', '1.1.0=b'] })).toMatchObject({ kind: 'source-file' });
    expect(plan({ ...given, source: ['1.0.0=a', '1.1.0=b', '99.0.0=f'], cached: 'f' })).toMatchObject({
      versions: ['1.0.0', '1.1.0'],
    });
  });

  test('says which served versions the claimant would change', () => {
    const changes = [{ version: '1.0.0', pinned: sum('a'), offered: sum('f') }];
    const result = plan({ ...given, source: ['1.0.0=a', '1.1.0=b'], contender: ['1.0.0=f', '1.1.0=b'] });
    expect(result.findings).toEqual(['origin-conflict internal']);
    expect(result.raw.findings).toMatchObject([{ origin: 'public', changes }]);
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

  test('that is undecided serves nothing, and one that is held what it had', () => {
    const waiting = { origin: undefined, file: undefined, contender: 'internal', waitsFor: ['internal'] };
    expect(plan({ decision: decision('undecided', waiting), recorded: undefined })).toMatchObject({
      kind: 'none',
      pins: [],
      findings: [],
    });
    const held = decision('held', { file: undefined, contender: 'mooncakes' });
    expect(plan({ decision: held, pins: ['1.0.0=a'], served: ['1.0.0=a'], cached: 'a' })).toMatchObject({
      text: text('1.0.0=a'),
      findings: [],
    });
  });
});

describe('a decision', () => {
  const changes = [{ version: version('1.0.0'), pinned: sum('a'), offered: sum('f') }];

  test('is a finding of its own only where moving would change what was served', () => {
    for (const rule of ['claimed', 'priority', 'recorded', 'moved', 'unlisted', 'undecided'] as const)
      expect(contentionFindings(module, decision(rule, { contender: 'other' }), changes)).toEqual([]);
    const held = decision('held', { contender: 'other' });
    // The many that would change nothing are told together: see `pendingFindings`.
    expect(contentionFindings(module, held)).toEqual([]);
    expect(contentionFindings(module, held, changes)).toMatchObject([
      { kind: 'origin-conflict', source: 'other', origin: 'public', changes },
    ]);
  });
});

describe('a file agrees with the pins', () => {
  const pins = ['1.0.0=a', '1.1.0=b>x', '1.2.0=c?'].map(pin);

  test.each([
    ['when it has them all', ['1.0.0=a', '1.1.0=b>x'], true],
    ['when it has more', ['1.0.0=a', '1.1.0=b>x', '2.0.0=f'], true],
    ['when it has fewer', ['1.1.0=b>x'], true],
    ['when it has none', ['2.0.0=f'], true],
    ['never with another checksum', ['1.0.0=a', '1.1.0=f>x'], false],
    ['never with another checksum beside the right one', ['1.0.0=f', '1.0.0=a'], false],
    ['never with other requirements', ['1.0.0=a', '1.1.0=b>y'], false],
    ['never without requirements', ['1.0.0=a', '1.1.0=b'], false],
    ['never with requirements beside the right ones', ['1.1.0=b>y', '1.1.0=b>x'], false],
    ['whatever is required where nobody knows what was', ['1.2.0=c>z'], true],
    ['whatever else is malformed', ['1.0.0=a', '1.1.0=b>x', '1.2.0=c', '{'], true],
    [
      'never where a line that cannot be read may be that of a pinned version',
      ['1.0.0=a', '1.2.0=c', '{'],
      false,
    ],
    ['never where no line can be read', ['<html>'], false],
    ['never where it is empty', [''], false],
  ])('%s', (_, lines, expected) => {
    expect(agreesWithPins(parseIndexFile(file(...lines)), pins)).toBe(expected);
  });

  test('or says what it would change: what its last line about a version means', () => {
    expect(pinChanges(parseIndexFile(file('1.0.0=f', '1.0.0=a', '1.1.0=b>y', '3.0.0=f')), pins)).toEqual([
      {
        version: '1.1.0',
        pinned: sum('b'),
        offered: sum('b'),
        requirements: { pinned: requiring('x'), offered: requiring('y') },
      },
    ]);
    expect(pinChanges(parseIndexFile(file('1.0.0=f', '1.2.0=c>z')), pins)).toEqual([
      { version: '1.0.0', pinned: sum('a'), offered: sum('f') },
    ]);
  });
});

describe('what is blocked', () => {
  const blocking = (...blocked: string[]) => ({ blocked });
  const source = ['1.0.0=a', '1.1.0=b', '1.2.0=c'];

  test('is a hole where something stands above it, and the file is the one of its source', () => {
    const result = plan({ source, ...blocking('1.1.0') });
    expect(result).toMatchObject({ kind: 'source-file', unblocked: undefined });
    expect(result.versions).toContain('1.1.0');
  });

  test('leaves as a tail: what would be served without the block is kept, and nothing is pinned that was not served', () => {
    const result = plan({ source, ...blocking('1.2.0') });
    expect(result).toMatchObject({
      text: text('1.0.0=a', '1.1.0=b'),
      unblocked: text(...source),
      pins: ['1.0.0=a', '1.1.0=b'],
      versions: ['1.0.0', '1.1.0'],
    });
  });

  test('stays where it is all there is', () => {
    expect(plan({ source, ...blocking('1.0.0', '1.1.0', '1.2.0') })).toMatchObject({
      kind: 'source-file',
      unblocked: undefined,
    });
  });

  test('is judged by what can be delivered: nothing stands above it that is not listed', () => {
    const result = plan({ source, upstreamFallback: false, cached: 'ab', ...blocking('1.1.0') });
    expect(result).toMatchObject({ text: text('1.0.0=a'), unblocked: text('1.0.0=a', '1.1.0=b') });
  });

  test('keeps the line that was served, whatever its source offers or deletes meanwhile', () => {
    const before = { served: source, pins: source, cached: 'abc' };
    const result = plan({ ...before, source: ['1.0.0=a', '1.2.0=e'], ...blocking('1.1.0', '1.2.0') });
    expect(result.text).toBe(text('1.0.0=a'));
    expect(result.unblocked).toBe(text('1.1.0=b', '1.0.0=a', '1.2.0=c'));
    expect(result.findings).toEqual(['checksum-conflict 2 1.2.0']);
  });
});
