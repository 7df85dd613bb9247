import { found, type Lookup, type SourceFailure, unavailable } from '../../model/lookup.ts';
import type { OpenedBody } from '../../sources/source.ts';
import { readAtMost } from '../../support/read-at-most.ts';

/** The whole body, whatever the source announced: never more than `maxBytes`, and never less than it said. */
export async function readBody(opened: Lookup<OpenedBody>, maxBytes: number): Promise<Lookup<Buffer>> {
  if (opened.kind !== 'found') return opened;
  const { body, sizeBytes, url } = opened.value;
  const fail = (reason: SourceFailure['reason'], detail: string) => {
    body.destroy();
    return unavailable<Buffer>({ reason, detail });
  };
  const tooLarge = () => fail('bad-answer', `${url} is larger than ${maxBytes} bytes`);
  if (sizeBytes !== undefined && sizeBytes > maxBytes) return tooLarge();
  let bytes: Buffer | undefined;
  try {
    bytes = await readAtMost(body, maxBytes);
  } catch (error) {
    return fail('connection', `${url} broke off: ${(error as Error).message}`);
  }
  if (bytes === undefined) return tooLarge();
  if (sizeBytes !== undefined && bytes.length !== sizeBytes) return fail('connection', `${url} broke off`);
  return found(bytes);
}
