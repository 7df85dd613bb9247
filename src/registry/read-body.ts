import { buffer } from 'node:stream/consumers';
import { found, type Lookup, type SourceFailure, unavailable } from '../model/lookup.ts';
import type { OpenedBody } from '../sources/source.ts';

/** The whole body, whatever the source announced: never more than `maxBytes`, and never less than it said. */
export async function readBody(opened: Lookup<OpenedBody>, maxBytes: number): Promise<Lookup<Buffer>> {
  if (opened.kind !== 'found') return opened;
  const { body, sizeBytes, url } = opened.value;
  const fail = (reason: SourceFailure['reason'], detail: string) => {
    body.destroy();
    return unavailable<Buffer>({ reason, detail });
  };
  if (sizeBytes !== undefined && sizeBytes > maxBytes)
    return fail('bad-answer', `${url} is larger than ${maxBytes} bytes`);
  let received = 0;
  body.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > maxBytes) body.destroy(new Error(`more than ${maxBytes} bytes`));
  });
  try {
    const bytes = await buffer(body);
    if (sizeBytes !== undefined && bytes.length !== sizeBytes) return fail('connection', `${url} broke off`);
    return found(bytes);
  } catch (error) {
    return fail('connection', `${url} broke off: ${(error as Error).message}`);
  }
}
