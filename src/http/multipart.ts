import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { AppRequest } from './answer.ts';

export interface FormLimits {
  readonly fields: number;
  /** Of each, in UTF-8. */
  readonly fieldBytes: number;
  readonly files: number;
}

/** A part as it was sent, without what it holds. */
interface FormPart {
  readonly name: string;
  readonly fileName: string | undefined;
  readonly sizeBytes: number;
}

export type FormReading<T> =
  | {
      readonly kind: 'form';
      readonly fields: readonly { readonly name: string; readonly value: string }[];
      /** In the order in which they were sent, with what became of each. */
      readonly files: readonly { readonly name: string; readonly taken: T }[];
      readonly parts: readonly FormPart[];
    }
  /** A sentence without its full stop. */
  | { readonly kind: 'malformed'; readonly reason: string }
  /** Whoever takes files has seen enough. */
  | { readonly kind: 'stopped' };

/** What becomes of a file, and `'stop'` where nothing more need be read of the whole form. It reads its body or destroys it. */
type TakeFile<T> = (name: string, body: Readable) => Promise<T | 'stop'>;

type Parser = InstanceType<typeof Busboy>;

const notMultipart = 'Expected a form of the type multipart/form-data';

/**
 * Reads a form (RFC 7578), each file as it comes. What is named `file`, or has the name of a file, is one. Rejects if the client
 * leaves, or with what `take` rejects with; every `take` has settled by then.
 */
export async function readForm<T>(
  { headers, body }: Pick<AppRequest, 'headers' | 'body'>,
  limits: FormLimits,
  take: TakeFile<T>,
): Promise<FormReading<T>> {
  const type = headers['content-type'] ?? '';
  const parser = createParser(type, limits);
  if (!parser) return { kind: 'malformed', reason: notMultipart };
  const reading = collect(parser, take);
  const left = new AbortController();
  body.once('close', () => {
    if (!body.readableEnded) left.abort(new Error('the body broke off'));
  });
  body.pipe(parser);
  try {
    return await reading.end(left.signal);
  } finally {
    body.unpipe(parser);
    // Whoever sends the rest comes to read the answer.
    body.resume();
  }
}

function createParser(type: string, { fields, fieldBytes, files }: FormLimits): Parser | undefined {
  if (!/^multipart\/form-data\s*;/i.test(type)) return undefined;
  try {
    return new Busboy({
      headers: { 'content-type': type },
      limits: {
        ...{ fields, fieldSize: fieldBytes, files, parts: fields + files + 1 },
        ...{ fieldNameSize: 100, headerPairs: 20, headerSize: 4096 },
      },
      isPartAFile: (name, _, fileName) => name === 'file' || fileName !== undefined,
    });
  } catch {
    return undefined;
  }
}

function collect<T>(parser: Parser, take: TakeFile<T>) {
  const fields: { name: string; value: string }[] = [];
  const files: { name: string; taken: T }[] = [];
  const parts: { name: string; fileName: string | undefined; sizeBytes: number }[] = [];
  const taking: Promise<void>[] = [];
  const over = new AbortController();
  let count = 0;
  let problem: string | undefined;
  let current: Readable | undefined;
  /** What the parser found wrong in the middle of a file, whose reader then fails with it. */
  let broken: unknown;

  const stop = (reason?: unknown) => over.abort(reason);
  const tooMuch = (reason: string) => {
    problem ??= reason;
  };
  async function takeFile(name: string, body: Readable): Promise<void> {
    const position = count++;
    const taken = await take(name, body);
    if (taken === 'stop') stop('stop');
    else files[position] = { name, taken };
  }

  parser
    .on('field', (name, value, isNameCut, isValueCut) => {
      parts.push({ name, fileName: undefined, sizeBytes: Buffer.byteLength(value) });
      fields.push({ name, value });
      if (isNameCut || isValueCut) tooMuch('A field of the form is too long');
    })
    .on('file', (name, body, fileName) => {
      const part = { name, fileName, sizeBytes: 0 };
      parts.push(part);
      current = body.on('data', (chunk: Buffer) => {
        part.sizeBytes += chunk.length;
      });
      body.once('error', (error) => {
        broken ??= error;
      });
      const work = takeFile(name, body);
      taking.push(work);
      work.catch(stop);
    })
    .on('partsLimit', () => tooMuch('The form has too many parts'))
    .on('fieldsLimit', () => tooMuch('The form has too many fields'))
    .on('filesLimit', () => tooMuch('The form has too many files'));

  return {
    async end(left: AbortSignal): Promise<FormReading<T>> {
      const signal = AbortSignal.any([over.signal, left]);
      try {
        await once(parser, 'finish', { signal });
        await Promise.all(taking);
        if (over.signal.aborted) return { kind: 'stopped' };
      } catch (error) {
        current?.destroy(new Error('the form was not read to its end'));
        await Promise.allSettled(taking);
        if (left.aborted) throw left.reason;
        if (over.signal.reason === 'stop') return { kind: 'stopped' };
        const cause = over.signal.aborted ? over.signal.reason : error;
        if (over.signal.aborted && cause !== broken) throw cause;
        const reason = cause instanceof Error ? cause.message : String(cause);
        return { kind: 'malformed', reason: `The form cannot be read: ${reason}` };
      }
      if (problem !== undefined) return { kind: 'malformed', reason: problem };
      return { kind: 'form', fields, files, parts };
    },
  };
}
