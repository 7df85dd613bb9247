import fc from 'fast-check';
import { formatPackets, type Packet, parsePackets } from '../../src/support/git/pkt-line.ts';

/** A text made of `original` by a few edits: pieces put in, left out, doubled or replaced. One character per byte. */
export function mutated(original: fc.Arbitrary<string>, words: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(...words),
    fc.nat(255).map((code) => String.fromCharCode(code)),
    fc.string({ unit: 'binary-ascii', maxLength: 8 }),
  );
  const edit = fc.record({
    at: fc.nat(9999),
    length: fc.nat(12),
    kind: fc.constantFrom('insert', 'remove', 'double', 'replace', 'cut'),
    piece,
  });
  return fc
    .tuple(original, fc.array(edit, { maxLength: 4 }))
    .map(([text, edits]) => edits.reduce(apply, text));
}

interface Edit {
  readonly at: number;
  readonly length: number;
  readonly kind: string;
  readonly piece: string;
}

function apply(text: string, { at, length, kind, piece }: Edit): string {
  const start = text.length === 0 ? 0 : at % (text.length + 1);
  const [before, touched, after] = [
    text.slice(0, start),
    text.slice(start, start + length),
    text.slice(start + length),
  ];
  if (kind === 'cut') return before;
  if (kind === 'insert') return before + piece + touched + after;
  if (kind === 'remove') return before + after;
  return kind === 'double' ? before + touched + touched + after : before + piece + after;
}

/** Packets with right lengths around lines that were mutated, left out, doubled or moved; anything else as bytes. */
export function mutatedPackets(originals: readonly Buffer[], words: readonly string[]): fc.Arbitrary<Buffer> {
  const parsed = originals.flatMap((body) => {
    const read = parsePackets(body, 1000);
    return read.kind === 'packets' ? [read.packets] : [];
  });
  const byLines = fc.constantFrom(...parsed).chain((packets) =>
    fc
      .array(fc.tuple(fc.nat(packets.length), mutatedPacket(packets, words), fc.nat(2)), { maxLength: 4 })
      .map((edits) => {
        const result = [...packets];
        for (const [at, packet, removed] of edits) result.splice(at, removed, packet);
        return formatPackets(result);
      }),
  );
  const byBytes = mutated(fc.constantFrom(...originals.map((body) => body.toString('latin1'))), [
    ...words,
    '0000',
    '0001',
  ]);
  return fc.oneof(
    byLines,
    byBytes.map((text) => Buffer.from(text, 'latin1')),
  );
}

function mutatedPacket(packets: readonly Packet[], words: readonly string[]): fc.Arbitrary<Packet> {
  const lines = packets.flatMap((packet) => (packet.kind === 'data' ? [packet.text] : []));
  const texts = mutated(fc.constantFrom(...lines, 'done', ''), words);
  return fc.oneof(
    { weight: 4, arbitrary: texts.map((text): Packet => ({ kind: 'data', text })) },
    fc.constantFrom<Packet>({ kind: 'flush' }, { kind: 'delimiter' }),
  );
}
