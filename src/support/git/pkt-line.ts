/** git's packet framing (gitprotocol-common): four hexadecimal digits of length, then the payload. */
export type Packet =
  | { readonly kind: 'data'; readonly text: string }
  | { readonly kind: 'flush' }
  | { readonly kind: 'delimiter' };

/** Why bytes are no packets, in words for whoever sent them. */
export interface Malformed {
  readonly kind: 'malformed';
  readonly reason: string;
}

export const lengthDigits = 4;
const largestPacket = 65520;

/**
 * How long the packet at `position` says it is, its digits included; less than four means a separator of no more than
 * those. `undefined` where no packet begins.
 */
export function packetLength(bytes: Buffer, position: number): number | undefined {
  const digits = bytes.toString('latin1', position, position + lengthDigits);
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

/**
 * One packet after the other; a text loses one trailing newline. Strict: of what is no complete packet of a known kind,
 * the last item says why.
 */
export function* readPackets(bytes: Buffer, encoding: 'latin1' | 'utf8'): Generator<Packet | Malformed> {
  for (let position = 0; position < bytes.length; ) {
    const length = packetLength(bytes, position);
    const end = position + Math.max(length ?? 0, lengthDigits);
    if (length === undefined) return yield malformed(`no length at byte ${position}`);
    if (length === 0) yield { kind: 'flush' };
    else if (length === 1) yield { kind: 'delimiter' };
    else if (length < lengthDigits || length > largestPacket)
      return yield malformed(
        `the length ${bytes.toString('latin1', position, position + lengthDigits)} at byte ${position}`,
      );
    else if (end > bytes.length) return yield malformed('it ends within a line');
    else yield { kind: 'data', text: readText(bytes.subarray(position + lengthDigits, end), encoding) };
    position = end;
  }
}

/** All packets of a request of a fetching client, which is text, decoded byte for byte; at most `maxPackets`. */
export function parsePackets(
  bytes: Buffer,
  maxPackets: number,
): { readonly kind: 'packets'; readonly packets: readonly Packet[] } | Malformed {
  const packets: Packet[] = [];
  for (const packet of readPackets(bytes, 'latin1')) {
    if (packets.length === maxPackets) return malformed(`more than ${maxPackets} lines`);
    if (packet.kind === 'malformed') return packet;
    packets.push(packet);
  }
  return { kind: 'packets', packets };
}

/** The inverse of `parsePackets`; every text gets a newline. */
export function formatPackets(packets: readonly Packet[]): Buffer {
  return Buffer.concat(packets.map(formatPacket));
}

function formatPacket(packet: Packet): Buffer {
  if (packet.kind === 'flush') return Buffer.from('0000');
  if (packet.kind === 'delimiter') return Buffer.from('0001');
  return framePacket(Buffer.from(`${packet.text}\n`, 'latin1'));
}

/** A packet of any bytes. */
export function framePacket(payload: Buffer): Buffer {
  const digits = (payload.length + lengthDigits).toString(16).padStart(lengthDigits, '0');
  return Buffer.concat([Buffer.from(digits, 'latin1'), payload]);
}

function readText(payload: Buffer, encoding: 'latin1' | 'utf8'): string {
  return payload.toString(encoding, 0, payload.at(-1) === 0x0a ? payload.length - 1 : payload.length);
}

function malformed(reason: string): Malformed {
  return { kind: 'malformed', reason };
}
