import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DiskTicket } from '../../archives/disk-share.ts';
import { ExcessError } from '../../errors.ts';
import { found, type Lookup, type SourceFailure, unavailable } from '../../model/lookup.ts';
import type { OpenedBody } from '../../sources/source.ts';
import { onDisk } from '../../support/disk/disk-errors.ts';
import { syncDirectory, syncFile } from '../../support/disk/file-system-gaps.ts';
import { temporaryName } from '../../support/disk/temporary-file.ts';

export interface ReceiveBounds {
  readonly maxBytes: number;
  /** Ended here, whatever happens. */
  readonly ticket: DiskTicket;
}

/**
 * Replaces `file` by a whole body, durably and at once; what was there stays where it is too large, breaks off or the disk
 * fails, which is thrown. Its folder must exist. Answers the size.
 */
export async function receiveFile(
  file: string,
  opened: OpenedBody,
  { maxBytes, ticket }: ReceiveBounds,
): Promise<Lookup<number>> {
  const { body, sizeBytes, url } = opened;
  const fail = (reason: SourceFailure['reason'], detail: string) => unavailable<number>({ reason, detail });
  const temporary = `${dirname(file)}/${temporaryName('')}`;
  const doing = `write ${file}`;
  // Nobody may be reading when it fails.
  body.on('error', () => {});
  try {
    if ((sizeBytes ?? 0) > maxBytes) return fail('bad-answer', `${url} is larger than ${maxBytes} bytes`);
    await ticket.expect(sizeBytes ?? 0);
    const handle = await onDisk(doing, () => open(temporary, 'wx', 0o644));
    try {
      let received = 0;
      for await (const chunk of withFailures(body, url)) {
        if (!Buffer.isBuffer(chunk)) return unavailable(chunk);
        received += chunk.length;
        if (received > maxBytes) return fail('bad-answer', `${url} is larger than ${maxBytes} bytes`);
        await ticket.add(chunk.length);
        await onDisk(doing, () => handle.appendFile(chunk));
      }
      if (sizeBytes !== undefined && received !== sizeBytes) return fail('connection', `${url} broke off`);
      await onDisk(doing, () => syncFile(handle));
      await onDisk(doing, () => rename(temporary, file));
      await onDisk(doing, () => syncDirectory(dirname(file)));
      return found(received);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ExcessError) return fail('bad-answer', error.message);
    throw error;
  } finally {
    body.destroy();
    ticket.end();
    await rm(temporary, { force: true });
  }
}

/** The chunks of a body, and why there are no more where it breaks off. */
async function* withFailures(body: OpenedBody['body'], url: string): AsyncGenerator<Buffer | SourceFailure> {
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    yield { reason: 'connection', detail: `${url} broke off: ${(error as Error).message}` };
  }
}
