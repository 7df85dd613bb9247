import { strToU8, unzipSync, type Zippable, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { mergeSymbols } from './symbols.ts';

const emptyZip = Buffer.from(`504b0506${'00'.repeat(18)}`, 'hex');
const everything = () => true;

function zipOf(entries: Record<string, string>): Buffer {
  const content: Zippable = {};
  for (const [name, text] of Object.entries(entries)) content[name] = strToU8(text);
  return Buffer.from(zipSync(content));
}

function contentOf(zip: Buffer): Record<string, string> {
  const entries = Object.entries(unzipSync(zip));
  return Object.fromEntries(entries.map(([name, bytes]) => [name, Buffer.from(bytes).toString()]));
}

/** The zip with `from` replaced by `to`, of the same length, wherever it stands. */
function patched(zip: Buffer, from: string | Buffer, to: string | Buffer): Buffer {
  const patch = Buffer.from(zip);
  const [old, now] = [Buffer.from(from), Buffer.from(to)];
  expect(now.length).toBe(old.length);
  let count = 0;
  for (let at = patch.indexOf(old); at >= 0; at = patch.indexOf(old, at + old.length)) {
    now.copy(patch, at);
    count++;
  }
  expect(count).toBeGreaterThan(0);
  return patch;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

describe('mergeSymbols', () => {
  test('without entries it is the empty zip', async () => {
    expect(await mergeSymbols([], everything)).toEqual({ zip: emptyZip, findings: [] });
    expect(await mergeSymbols([{ source: 'a', zip: emptyZip }], everything)).toEqual({
      zip: emptyZip,
      findings: [],
    });
  });

  test('each module comes from its origin', async () => {
    const parts = [
      { source: 'public', zip: zipOf({ 'o/a.symbols': 'public a', 'o/b.symbols': 'public b' }) },
      { source: 'internal', zip: zipOf({ 'o/a.symbols': 'internal a', 'o/b/c.symbols': 'internal c' }) },
    ];
    const origins = new Map(Object.entries({ 'o/a': 'internal', 'o/b': 'public', 'o/b/c': 'internal' }));
    const { zip, findings } = await mergeSymbols(parts, (source, module) => origins.get(module) === source);
    expect(findings).toEqual([]);
    expect(contentOf(zip)).toEqual({
      'o/a.symbols': 'internal a',
      'o/b.symbols': 'public b',
      'o/b/c.symbols': 'internal c',
    });
  });

  test('the order of parts and entries does not change a byte, and the entries are plain files', async () => {
    const one = { source: 'one', zip: zipOf({ 'o/b.symbols': 'b', 'o/é.symbols': 'e' }) };
    const two = { source: 'two', zip: zipOf({ 'o/a.symbols': 'a'.repeat(10_000), 'O/a.symbols': 'A' }) };
    const there = await mergeSymbols([one, two], everything);
    const back = await mergeSymbols([two, one], everything);
    expect(there.zip.equals(back.zip)).toBe(true);
    expect(Object.keys(contentOf(there.zip))).toEqual([
      'O/a.symbols',
      'o/a.symbols',
      'o/b.symbols',
      'o/é.symbols',
    ]);
    const again = await mergeSymbols([{ source: 'x', zip: there.zip }], everything);
    expect(again.zip.equals(there.zip)).toBe(true);
  });

  test('what is no module of symbols is not carried', async () => {
    const zip = zipOf({ 'o/': '', README: 'x', 'o.symbols': 'x', 'o/a.txt': 'x', 'o/a.symbols/x': 'x' });
    expect(await mergeSymbols([{ source: 'a', zip }], everything)).toEqual({ zip: emptyZip, findings: [] });
  });

  const good = zipOf({ 'o/good.symbols': 'good', 'o/next.symbols': 'also good'.repeat(100) });
  const stored = Buffer.from(zipSync({ 'o/m.symbols': [strToU8('as it is'), { level: 0 }] }));
  const compressed = zipOf({ 'o/m.symbols': 'x'.repeat(5000) });

  test.each<[string, Buffer, RegExp]>([
    ['no zip', Buffer.from('<html>not found</html>'), /./],
    ['nothing', Buffer.alloc(0), /./],
    ['a truncated zip', good.subarray(0, good.length - 30), /./],
    ['a name that leads out', patched(good, 'o/next', '../nxt'), /relative path/],
    ['an absolute name', patched(good, 'o/next', '/onext'), /absolute path/],
    ['a backslash', patched(good, 'o/next', 'o\\next'), /characters|relative|backslash/],
    ['two entries of one name', patched(good, 'o/next', 'o/good'), /two entries/],
    ['more bytes than stated', patched(compressed, uint32(5000), uint32(100)), /too many bytes/],
    ['fewer bytes than stated', patched(compressed, uint32(5000), uint32(9000)), /not enough bytes/],
    ['damaged content', patched(stored, 'as it is', 'as it IS'), /is damaged/],
  ])('%s is left out as a whole, with a finding', async (_what, zip, reason) => {
    const other = { source: 'other', zip: zipOf({ 'o/other.symbols': 'kept' }) };
    const merged = await mergeSymbols([{ source: 'bad', zip }, other], everything);
    expect(contentOf(merged.zip)).toEqual({ 'o/other.symbols': 'kept' });
    expect(merged.findings).toEqual([
      expect.stringMatching(/^symbols\.zip of source "bad" is left out: [^\n]+$/),
    ]);
    expect(merged.findings[0]).toMatch(reason);
  });

  test('the limits are those of one source, and count what nobody wants', async () => {
    const zip = zipOf({ 'o/a.symbols': 'x'.repeat(600), 'o/b.symbols': 'x'.repeat(600) });
    const parts = [
      { source: 'a', zip },
      { source: 'b', zip },
    ];
    const merge = async (limits: { maxBytes?: number; maxEntries?: number }) =>
      (await mergeSymbols(parts, () => false, limits)).findings.length;
    expect(await merge({ maxBytes: 1200, maxEntries: 2 })).toBe(0);
    expect(await merge({ maxBytes: 1199 })).toBe(2);
    expect(await merge({ maxEntries: 1 })).toBe(2);
  });

  test('what is merged is bounded over all sources: the later one is left out', async () => {
    const part = (source: string) => ({ source, zip: zipOf({ [`${source}/m.symbols`]: 'x'.repeat(600) }) });
    const parts = [part('first'), part('second'), part('third')];
    const merge = (maxMergedBytes: number) => mergeSymbols(parts, everything, { maxMergedBytes });
    expect((await merge(1800)).findings).toEqual([]);
    const { zip, findings } = await merge(1799);
    expect(Object.keys(contentOf(zip))).toEqual(['first/m.symbols', 'second/m.symbols']);
    expect(findings).toEqual([
      expect.stringContaining('source "third" is left out: what is wanted of it finds'),
    ]);
  });

  test('a zip bomb is refused by what it states, before it is unpacked', async () => {
    const zip = Buffer.from(zipSync({ 'o/bomb.symbols': new Uint8Array(65 * 1024 * 1024) }));
    const { findings } = await mergeSymbols([{ source: 'bad', zip }], everything);
    expect(findings).toEqual([expect.stringContaining('unpacks to more than 67108864 bytes')]);
  });

  test('text of a hostile zip cannot forge lines', async () => {
    const zip = patched(good, 'o/next', '../\n\u001bx');
    const { findings } = await mergeSymbols([{ source: 'bad', zip }], everything);
    expect(findings[0]).not.toMatch(/[\u0000-\u001f]/);
  });
});
