/** git's packet framing (gitprotocol-common): four hexadecimal digits of length, then the payload. */
export type Packet =
  | { readonly kind: 'data'; readonly text: string }
  | { readonly kind: 'flush' }
  | { readonly kind: 'delimiter' };

/** Malformed input, told to the client. */
export interface Malformed {
  readonly kind: 'malformed';
  readonly reason: string;
}

const largestPacket = 65520;

/**
 * Splits a whole request body into packets. Requests of fetching clients are text, so a payload is decoded byte for
 * byte as Latin-1 and loses one trailing newline. Strict: nothing but complete packets, at most `maxPackets`.
 */
export function parsePackets(
  bytes: Buffer,
  maxPackets: number,
): { readonly kind: 'packets'; readonly packets: readonly Packet[] } | Malformed {
  const packets: Packet[] = [];
  let position = 0;
  while (position < bytes.length) {
    if (packets.length === maxPackets) return malformed(`more than ${maxPackets} lines`);
    const digits = bytes.toString('latin1', position, position + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) return malformed(`no length at byte ${position}`);
    const length = parseInt(digits, 16);
    if (length === 0) packets.push({ kind: 'flush' });
    else if (length === 1) packets.push({ kind: 'delimiter' });
    else if (length < 4 || length > largestPacket)
      return malformed(`the length ${digits} at byte ${position}`);
    else if (position + length > bytes.length) return malformed('it ends within a line');
    else packets.push({ kind: 'data', text: readText(bytes, position + 4, position + length) });
    position += Math.max(length, 4);
  }
  return { kind: 'packets', packets };
}

/** The inverse; every text line gets a newline. */
export function formatPackets(packets: readonly Packet[]): Buffer {
  return Buffer.from(packets.map(formatPacket).join(''), 'latin1');
}

function formatPacket(packet: Packet): string {
  if (packet.kind === 'flush') return '0000';
  if (packet.kind === 'delimiter') return '0001';
  return `${(packet.text.length + 5).toString(16).padStart(4, '0')}${packet.text}\n`;
}

function readText(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, bytes[end - 1] === 0x0a && end > start ? end - 1 : end);
}

function malformed(reason: string): Malformed {
  return { kind: 'malformed', reason };
}
