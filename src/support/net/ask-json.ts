import { UnavailableError } from '../../errors.ts';
import { parseJson } from '../parse-json.ts';
import { readAtMost } from '../read-at-most.ts';
import { showUrl } from '../redact.ts';
import type { HttpClient } from './fetch-http.ts';

export interface JsonReply {
  readonly status: number;
  /** `undefined` where it is no JSON, or more than was to be read of it. */
  readonly document: unknown;
}

type Request = Parameters<HttpClient['request']>[0];

/** Asks for a small document, and follows nobody. Throws `UnavailableError` where nothing answers, and the signal's reason. */
export async function askJson(
  http: HttpClient,
  request: Request & { readonly signal: AbortSignal },
  longestBytes: number,
): Promise<JsonReply> {
  const { signal } = request;
  const headers = { accept: 'application/json', ...request.headers };
  const result = await http.request({ isSmall: true, maxRedirects: 0, ...request, headers });
  signal.throwIfAborted();
  if (result.kind === 'failure')
    throw new UnavailableError(`cannot reach ${showUrl(request.url)}: ${result.failure.detail}`);
  const { status, body } = result.response;
  const bytes = await readAtMost(body, longestBytes).catch(() => undefined);
  signal.throwIfAborted();
  return { status, document: parseJson(bytes?.toString('utf8') ?? '') };
}
