/**
 * What git says beside an answer goes to clients within it (the sideband, gitprotocol-pack), where it names places on our disk
 * once something is wrong with the repository. Progress is let through; of the rest, clients are told that there is trouble.
 */
import { framePacket, lengthDigits, packetLength } from '../support/git/pkt-line.ts';

export type Chunks = AsyncIterator<Buffer, unknown, undefined>;

const messageBand = 2;
const fatalBand = 3;

/** The two ways in which git tells a client that it gives up; the log has its words. */
const fatal = Buffer.from('\u0003this registry has trouble with its index; its operator can see why\n');
const refusal = Buffer.from('ERR this registry has trouble with its index; its operator can see why');

/** `Counting objects:  50% (1/2)`, `Enumerating objects: 80, done.`, and the sum at the end. */
const progressLine = /^(?:[A-Z][A-Za-z ]*: +\d[\d%., ()/]*(?:done)?[. ]*|Total \d[\d ,()a-z-]*)?$/;

/** Hands on what `git upload-pack` puts out, without what is not for clients. Ends and fails as that does. */
export function quietOutput(chunks: Chunks): Chunks {
  const filter = createFilter();
  return {
    async next() {
      for (;;) {
        const next = await chunks.next();
        if (next.done) {
          const rest = filter.rest();
          return rest.length > 0 ? { done: false, value: rest } : next;
        }
        const passed = filter.pass(next.value);
        if (passed.length > 0) return { done: false, value: passed };
      }
    },
  };
}

/** Takes output in whatever pieces it comes. */
export function createFilter() {
  let pending: Buffer = Buffer.alloc(0);
  let unfinished = '';
  // An old client that knows no sideband gets the pack as it is, after the last packet.
  let isRaw = false;

  function readPackets(): Buffer[] {
    const passed: Buffer[] = [];
    let position = 0;
    while (!isRaw && position + lengthDigits <= pending.length) {
      const length = packetLength(pending, position);
      isRaw = length === undefined;
      const end = position + Math.max(length ?? 0, lengthDigits);
      if (isRaw || end > pending.length) break;
      const packet = pending.subarray(position, end);
      passed.push(judge(packet));
      position = end;
    }
    pending = pending.subarray(position);
    return passed;
  }

  function judge(packet: Buffer): Buffer {
    const band = packet[lengthDigits];
    if (band === messageBand) return packetOf(keepProgress(packet.toString('latin1', lengthDigits + 1)));
    if (band === fatalBand) return packetOf(fatal);
    if (packet.toString('latin1', lengthDigits, lengthDigits + 4) === 'ERR ') return packetOf(refusal);
    return packet;
  }

  /** Lines end with a line feed or, where the next is written over them, a carriage return; a packet may end within one. */
  function keepProgress(text: string): Buffer {
    const lines = (unfinished + text).split(/(?<=[\r\n])/);
    unfinished = /[\r\n]$/.test(lines.at(-1) ?? '') ? '' : (lines.pop() ?? '');
    const kept = lines.filter((line) => progressLine.test(line.trimEnd()));
    return Buffer.from(kept.length === 0 ? '' : `\u0002${kept.join('')}`, 'latin1');
  }

  return {
    pass(chunk: Buffer): Buffer {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const passed = readPackets();
      if (isRaw) passed.push(takeAll());
      return passed.length === 1 && passed[0] ? passed[0] : Buffer.concat(passed);
    },
    rest: takeAll,
  };

  function takeAll(): Buffer {
    const all = pending;
    pending = Buffer.alloc(0);
    return all;
  }
}

/** Nothing for a payload of nothing: an empty packet is one that clients do not expect. */
function packetOf(payload: Buffer): Buffer {
  return payload.length === 0 ? payload : framePacket(payload);
}
