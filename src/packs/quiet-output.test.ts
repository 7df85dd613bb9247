import { describe, expect, test } from 'vitest';
import { framePacket } from '../support/git/pkt-line.ts';
import { createFilter, quietOutput } from './quiet-output.ts';

const packet = (text: string) => framePacket(Buffer.from(text, 'latin1')).toString('latin1');
const band = (number: number, text: string) => packet(String.fromCharCode(number) + text);

/** What comes out, whatever pieces it comes in. */
function filter(output: string): string {
  const bytes = Buffer.from(output, 'latin1');
  const outcomes = [1, 7, bytes.length].map((size) => {
    const { pass, rest } = createFilter();
    const passed: Buffer[] = [];
    for (let start = 0; start < bytes.length; start += size)
      passed.push(pass(bytes.subarray(start, start + size)));
    return Buffer.concat([...passed, rest()]).toString('latin1');
  });
  expect(new Set(outcomes).size).toBe(1);
  return outcomes[0] ?? '';
}

describe('what git puts out', () => {
  test.each([
    ['an advertisement', `${packet('version 2\n')}${packet('ls-refs=unborn\n')}0000`],
    ['a pack in the sideband', `${packet('packfile\n')}${band(1, 'PACK\0\u0002 \u0003 ERR /srv')}0000`],
    ['a pack without one', `${packet('NAK\n')}PACK\0\0\0\u00020002/srv/registry`],
    ['sections', `${packet('shallow-info\n')}${packet('shallow abc')}0001${packet('packfile\n')}0000`],
    ['what is cut off', packet('version 2\n').slice(0, 9)],
  ])('goes to clients: %s', (_, output) => {
    expect(filter(output)).toBe(output);
  });

  test('of progress goes to clients, also where a packet ends within a line', () => {
    const output = `${band(2, 'Enumerating objects: 80, done.\nCounting objects:  50% (1')}${band(2, '/2)\rCounting objects: 100% (2/2), done.\n')}`;
    expect(
      filter(`${output}${band(2, 'Total 80 (delta 3), reused 80 (delta 3), pack-reused 0\n')}0000`),
    ).toBe(
      `${band(2, 'Enumerating objects: 80, done.\n')}${band(2, 'Counting objects:  50% (1/2)\rCounting objects: 100% (2/2), done.\n')}${band(2, 'Total 80 (delta 3), reused 80 (delta 3), pack-reused 0\n')}0000`,
    );
  });

  test.each([
    band(2, 'error: object file ./objects/ab/cdef is empty\n'),
    band(
      2,
      'fatal: packed object 54b2 (stored in /srv/registry/data/index/objects/pack/x.pack) is corrupt\n',
    ),
    `${band(2, 'error: /srv/reg')}${band(2, 'istry/data\n')}`,
    band(2, 'error: /srv/registry without an end'),
    band(2, 'Cannot read: 7 /srv/registry\n'),
  ])('beside an answer does not: %j', (said) => {
    expect(filter(`${band(1, 'PACK')}${said}${band(1, 'more')}0000`)).toBe(
      `${band(1, 'PACK')}${band(1, 'more')}0000`,
    );
  });

  test.each([
    band(3, 'aborting: /srv/registry/data/index\n'),
    packet('ERR upload-pack: not in /srv/registry'),
  ])('when it gives up does not, but that it did: %j', (said) => {
    const passed = filter(`${band(1, 'PACK')}${said}`);
    expect(passed).not.toContain('/srv');
    expect(passed).toContain('this registry has trouble with its index');
  });
});

test('output fails as git does, and ends with what was left', async () => {
  const pieces = [Buffer.from(packet('a')), Buffer.from('00')];
  const output = quietOutput({
    async next() {
      const value = pieces.shift();
      return value ? { done: false, value } : { done: true, value: undefined };
    },
  });
  expect((await output.next()).value).toEqual(Buffer.from(packet('a')));
  expect((await output.next()).value).toEqual(Buffer.from('00'));
  expect((await output.next()).done).toBe(true);
  const failing = quietOutput({ next: () => Promise.reject(new Error('killed')) });
  await expect(failing.next()).rejects.toThrow('killed');
});
