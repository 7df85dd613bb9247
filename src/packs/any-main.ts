import { lengthDigits, packetLength } from '../support/git/pkt-line.ts';
import type { PackRequest, UploadPack } from './upload-pack.ts';

/** Of which commit git itself lists the refs does not matter. */
const whichever = '0'.repeat(40);

/**
 * Serves whichever commit is asked about as if `main` were there, with no ref for it in the repository: git would list its own
 * `main`, which is asked for once, and each client is told the commit it asked about instead. What they fetch, git computes from the commit alone.
 */
export function servingAnyMain(uploadPack: Pick<UploadPack, 'packFor'>): Pick<UploadPack, 'packFor'> {
  return {
    async packFor(request, caller) {
      if (!listsRefs(request)) return uploadPack.packFor(request, caller);
      const pack = await uploadPack.packFor({ ...request, commit: whichever }, caller);
      return pack.kind === 'bytes' ? { ...pack, bytes: nameCommit(pack.bytes, request.commit) } : pack;
    },
  };
}

function listsRefs({ input }: PackRequest): boolean {
  return input === undefined || input.listsRefs;
}

/** A list of refs, each line of which begins with an id (gitprotocol-pack, gitprotocol-v2), with this one in every line. */
export function nameCommit(listing: Buffer, commit: string): Buffer {
  const bytes = Buffer.from(listing);
  for (let position = 0; position < bytes.length; ) {
    const length = packetLength(bytes, position);
    if (length === undefined) break;
    const start = position + lengthDigits;
    if (/^[0-9a-f]{40} $/.test(bytes.toString('latin1', start, start + 41)))
      bytes.write(commit, start, 'latin1');
    position += Math.max(length, lengthDigits);
  }
  return bytes;
}
