import { describe, expect, test } from 'vitest';
import { formatPackets, type Packet } from '../support/git/pkt-line.ts';
import {
  createUploadRequestReader,
  type GitProtocol,
  parseGitProtocol,
  readUploadRequest,
} from './upload-request.ts';

const a = 'a'.repeat(40);
const b = 'b'.repeat(40);

/** `|` is a delimiter, `.` a flush, anything else a line. */
function body(...lines: string[]): Buffer {
  return formatPackets(
    lines.map((text): Packet => {
      if (text === '|') return { kind: 'delimiter' };
      return text === '.' ? { kind: 'flush' } : { kind: 'data', text };
    }),
  );
}

/** What is wanted, and what git is given where `served` may be known. */
function read(protocol: GitProtocol, sent: Buffer, ...served: string[]) {
  const request = readUploadRequest(protocol, sent);
  if (request.kind !== 'accepted') throw new Error(request.reason);
  return { wants: request.wants, bytes: request.within(new Set(served)).bytes };
}

describe('a protocol v2 request', () => {
  test('of a shallow clone is accepted, without who asks and without repeated wants', () => {
    const sent = body(
      'command=fetch',
      'agent=git/2.39.5',
      'session-id=1',
      'object-format=sha1',
      '|',
      'thin-pack',
      'deepen 1',
      `want ${a}`,
      `want ${a}`,
      'done',
      '.',
    );
    expect(read(2, sent)).toEqual({
      wants: [a],
      bytes: body(
        'command=fetch',
        'object-format=sha1',
        '|',
        `want ${a}`,
        'thin-pack',
        'deepen 1',
        'done',
        '.',
      ),
    });
  });

  test('is the same bytes for every version of git', () => {
    const from = (agent: string) => read(2, body('command=ls-refs', agent, '|', 'peel', '.'));
    expect(from('agent=git/2.39.5')).toEqual(from('agent=git/2.50.1-Darwin'));
  });

  test.each([
    ['another command', ['command=object-info', '.'], 'refused'],
    ['bundles', ['command=bundle-uri', '.'], 'refused'],
    ['a filter', ['command=fetch', '|', 'filter blob:none', '.'], 'refused'],
    ['a ref by name', ['command=fetch', '|', 'want-ref refs/registry/state', '.'], 'refused'],
    ['a depth by ref', ['command=fetch', '|', 'deepen-not refs/sources/x', '.'], 'refused'],
    ['a listing argument in a fetch', ['command=fetch', '|', 'peel', '.'], 'refused'],
    ['another hash', ['command=fetch', 'object-format=sha256', '.'], 'refused'],
    ['a short object id', ['command=fetch', '|', 'want abc', '.'], 'refused'],
    ['no depth', ['command=fetch', '|', 'deepen 0', '.'], 'refused'],
    ['a depth that git takes for none', ['command=fetch', '|', 'deepen 4294967296', '.'], 'refused'],
    ['no date', ['command=fetch', '|', 'deepen-since 0', '.'], 'refused'],
    ['a depth and a date', ['command=fetch', '|', 'deepen 1', 'deepen-since 1', '.'], 'malformed'],
    ['no command', ['agent=git', '.'], 'malformed'],
    ['two commands', ['command=fetch', 'command=ls-refs', '.'], 'malformed'],
    ['no end', ['command=fetch'], 'malformed'],
    ['two requests', ['command=ls-refs', '.', 'command=fetch', '.'], 'malformed'],
    ['two delimiters', ['command=fetch', '|', 'done', '|', '.'], 'malformed'],
    ['nothing', [], 'malformed'],
  ])('with %s is refused', (_, lines, kind) => {
    expect(readUploadRequest(2, body(...lines))).toMatchObject({ kind });
  });

  test('with more wants than commits make sense is refused', () => {
    const wants = Array.from({ length: 300 }, (_, i) => `want ${i.toString(16).padStart(40, '0')}`);
    expect(readUploadRequest(2, body('command=fetch', '|', ...wants, '.'))).toMatchObject({
      kind: 'refused',
    });
  });
});

describe('a protocol v0 request', () => {
  test('is accepted, without who asks', () => {
    const sent = body(
      `want ${a} multi_ack_detailed side-band-64k agent=git/2.39.5`,
      `want ${b}`,
      `shallow ${a}`,
      'deepen 1',
      '.',
      `have ${b}`,
      '.',
      'done',
    );
    expect(read(0, sent, a, b)).toEqual({
      wants: [a, b],
      bytes: body(
        `want ${a} multi_ack_detailed side-band-64k`,
        `want ${b}`,
        `shallow ${a}`,
        'deepen 1',
        '.',
        `have ${b}`,
        '.',
        'done',
      ),
    });
  });

  test('that wants nothing is accepted', () => {
    expect(read(0, body('.'))).toEqual({ wants: [], bytes: body('.') });
  });

  test.each([
    ['a filter', [`want ${a} filter`, 'filter blob:none', '.', 'done'], 'refused'],
    ['a filter that was not announced', [`want ${a}`, 'filter blob:none', '.', 'done'], 'refused'],
    ['a depth by ref', [`want ${a}`, 'deepen-not refs/sources/x', '.', 'done'], 'refused'],
    ['a want after the haves', [`want ${a}`, '.', `want ${b}`, 'done'], 'refused'],
    ['a separator of v2', [`want ${a}`, '|', '.'], 'malformed'],
    ['an empty line', ['', `want ${a}`, '.'], 'refused'],
    ['no end', [`want ${a}`], 'malformed'],
    ['haves without an end', [`want ${a}`, '.', `have ${b}`], 'malformed'],
  ])('with %s is refused', (_, lines, kind) => {
    expect(readUploadRequest(0, body(...lines))).toMatchObject({ kind });
  });
});

test.each([
  [undefined, 0],
  ['version=2', 2],
  ['version=1', 1],
  ['version=1:version=2', 2],
  ['version=3', 0],
  ['version=2\nGIT_DIR=/', 0],
  [`version=2:${'x'.repeat(64)}`, 0],
])('Git-Protocol %j means version %d', (header, version) => {
  expect(parseGitProtocol(header)).toBe(version);
});

describe('what the client has', () => {
  const c = 'c'.repeat(40);
  const none = `have ${'0'.repeat(40)}`;

  test.each([
    ['served', [`have ${a}`, `shallow ${a}`], [`have ${a}`, `shallow ${a}`]],
    ['served, in capitals', [`have ${a.toUpperCase()}`], [`have ${a.toUpperCase()}`]],
    ['partly hidden', [`have ${b}`, `have ${a}`, `shallow ${c}`], [`have ${a}`]],
    ['hidden', [`have ${b}`, `have ${c}`], [none]],
    ['hidden, and the client is done', [`have ${b}`, 'done'], ['done']],
    ['hidden depth', ['deepen 1', `shallow ${b}`, 'done'], ['deepen 1', 'done']],
  ])('that is %s, in v2', (_, sent, given) => {
    const request = (lines: readonly string[]) => body('command=fetch', '|', `want ${a}`, ...lines, '.');
    expect(read(2, request(sent), a).bytes).toEqual(request(given));
  });

  test('that is hidden is left out in v0, and the rounds of the negotiation stay', () => {
    const sent = body(`want ${a}`, `shallow ${b}`, '.', `have ${b}`, '.', `have ${a}`, `have ${c}`, '.');
    expect(read(0, sent, a).bytes).toEqual(body(`want ${a}`, '.', '.', `have ${a}`, '.'));
  });

  test('counts anew whenever another history is served', () => {
    const request = readUploadRequest(2, body('command=fetch', '|', `want ${a}`, `have ${b}`, 'done', '.'));
    if (request.kind !== 'accepted') throw new Error(request.reason);
    const [without, including] = [request.within(new Set([a])), request.within(new Set([a, b]))];
    expect(without.digest).not.toBe(including.digest);
    expect(request.within(new Set([a]))).toEqual(without);
  });
});

test('what was read once is known again, for its own protocol version only', () => {
  const readAgain = createUploadRequestReader();
  const sent = body(`want ${a}`, '.', 'done');
  expect(readAgain(0, sent)).toMatchObject({ kind: 'accepted', wants: [a] });
  expect(readAgain(0, Buffer.from(sent))).toBe(readAgain(0, sent));
  expect(readAgain(2, sent)).toMatchObject({ kind: 'malformed' });
  const long = body(...Array.from({ length: 200 }, () => `want ${a}`), '.', 'done');
  expect(readAgain(0, long)).not.toBe(readAgain(0, long));
  expect(readAgain(0, long)).toMatchObject({ kind: 'accepted', wants: [a] });
});
