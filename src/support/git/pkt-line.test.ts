import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatPackets, type Packet, parsePackets } from './pkt-line.ts';

const parse = (text: string) => parsePackets(Buffer.from(text, 'latin1'), 10);

describe('packets', () => {
  test('lines lose one newline, separators keep their kind', () => {
    expect(parse('000bhello\n\n00010009hello0000')).toEqual({
      kind: 'packets',
      packets: [
        { kind: 'data', text: 'hello\n' },
        { kind: 'delimiter' },
        { kind: 'data', text: 'hello' },
        { kind: 'flush' },
      ],
    });
  });

  test.each([
    ['a length that is no number', 'xyz0', /no length at byte 0/],
    ['a length cut short', '00', /no length at byte 0/],
    ['a reserved length', '0003', /length 0003/],
    ['a response end', '0002', /length 0002/],
    ['a line cut short', '0010ab', /ends within a line/],
    ['a length above the limit', `fff1${'a'.repeat(70_000)}`, /length fff1/],
    ['too many lines', '0000'.repeat(11), /more than 10 lines/],
  ])('refuse %s', (_, text, reason) => {
    expect(parse(text)).toEqual({ kind: 'malformed', reason: expect.stringMatching(reason) });
  });

  test('parsing is the inverse of formatting', () => {
    const packet: fc.Arbitrary<Packet> = fc.oneof(
      fc.constant<Packet>({ kind: 'flush' }),
      fc.constant<Packet>({ kind: 'delimiter' }),
      fc.string({ unit: 'grapheme-ascii' }).map((text): Packet => ({ kind: 'data', text })),
    );
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 10 }), (packets) => {
        expect(parsePackets(formatPackets(packets), 10)).toEqual({ kind: 'packets', packets });
      }),
    );
  });
});
