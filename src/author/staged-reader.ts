import { NotFoundError, type RegistryError, UnavailableError, UsageError } from '../errors.ts';
import type { HttpClient } from '../support/net/fetch-http.ts';
import { transportFailure } from '../support/net/http-failure.ts';
import type { HttpBody } from '../support/net/http-request.ts';
import { parseJson } from '../support/parse-json.ts';
import { readAtMost } from '../support/read-at-most.ts';
import { redact } from '../support/redact.ts';
import { createMask } from '../support/secret-mask.ts';

/** Where something waits for approval, and by which token it is asked for. */
export interface StagedPlace {
  /** The registry's address. */
  readonly registry: string;
  readonly token: string;
  /** Where the token was found, in words. */
  readonly tokenFrom: string;
}

export interface StagedReply {
  readonly status: number;
  /** The registry's own words, fit to be shown. */
  readonly detail: string | undefined;
  /** Of the body, where it is JSON. */
  readonly value: unknown;
  readonly bytes: Buffer;
}

/** An archive is no larger than what `publish` sends. */
const longestReplyBytes = 512 * 1024 * 1024;
const longestDetail = 8000;

/** Asks below `/api/v0/staged`. Throws `UnavailableError` where nothing usable came. */
export async function askStaged(
  http: HttpClient,
  { registry, token }: Pick<StagedPlace, 'registry' | 'token'>,
  path: string,
  signal: AbortSignal,
  body?: HttpBody,
): Promise<StagedReply> {
  const result = await http.request({
    url: `${registry}/api/v0/staged${path}`,
    authorization: `Bearer ${token}`,
    // What stands in front may keep answers.
    headers: { accept: 'application/json', 'cache-control': 'no-cache' },
    maxRedirects: 0,
    signal,
    ...(body ? { method: 'POST', body } : {}),
  });
  if (result.kind === 'failure')
    throw new UnavailableError(`cannot ask ${registry}: ${result.failure.detail}`, {
      hint: 'run the same command again: what was decided already stays so',
    });
  const { status, body: sent } = result.response;
  const bytes = await readAtMost(sent, longestReplyBytes).catch((error: unknown) => {
    const failure = transportFailure(error);
    if (failure === undefined) throw error;
    throw new UnavailableError(`cannot read what ${registry} answers: ${failure.detail}`);
  });
  const isJson = /\bjson\b/.test(result.response.headers['content-type'] ?? '');
  const value = isJson ? parseJson(bytes?.toString('utf8') ?? '') : undefined;
  const detail = typeof value === 'object' && value !== null && 'detail' in value ? value.detail : undefined;
  const shown = typeof detail === 'string' ? redact(detail, createMask([token]), longestDetail) : undefined;
  return { status, detail: shown?.replace(/\.$/, ''), value, bytes: bytes ?? Buffer.alloc(0) };
}

/** What an answer that is no success means to whoever asked. `doing`: such as `approve 3f…`. */
export function stagedRefusal(
  { status, detail }: StagedReply,
  { registry, tokenFrom }: StagedPlace,
  doing: string,
): RegistryError {
  const said = detail === undefined ? `it answered ${status}` : detail;
  const message = `cannot ${doing} on ${registry}: ${said}`;
  if (status === 401 || status === 403)
    return new UsageError(`${message} (the token of ${tokenFrom})`, {
      hint: 'whoever operates it makes a token that may decide: moonbit-registry token create NAME --owner PERSON --may admin --for PATTERN',
    });
  if (status === 404 || status === 410)
    return new NotFoundError(message, { hint: 'moonbit-registry staged list --all' });
  if (status >= 400 && status < 500) return new UsageError(message, { hint: rejectHint });
  return new UnavailableError(message, {
    hint: 'run the same command again: what was decided already stays so',
  });
}

export const rejectHint =
  'it waits on: have it sent again with another version, and reject this one by "moonbit-registry staged reject"';
