import { UnavailableError } from '../errors.ts';
import { isChecksum } from '../model/checksum.ts';
import type { HttpClient } from '../support/net/fetch-http.ts';
import { transportFailure } from '../support/net/http-failure.ts';
import type { HttpResponse } from '../support/net/http-request.ts';
import { parseJson } from '../support/parse-json.ts';
import { readAtMost } from '../support/read-at-most.ts';
import { redact, showUrl } from '../support/redact.ts';
import { createMask } from '../support/secret-mask.ts';
import { type PublishReply, publishAddress, sendAgain } from './judge-reply.ts';
import { type ArchiveToSend, createPublishForm } from './publish-form.ts';

export interface Sending {
  /** The registry's address. */
  readonly registry: string;
  readonly token: string;
  readonly dryRun: boolean;
  readonly stage: boolean;
  readonly archives: readonly ArchiveToSend[];
  readonly signal: AbortSignal;
  readonly onProgress: (sentBytes: number, totalBytes: number) => void;
}

const longestReplyBytes = 256 * 1024;
/** Of what is wrong with a module there may be much to say. */
const longestDetail = 8000;

/**
 * Sends modules, all in one request, and gives what the registry answered. The token goes in a header, so that a registry may
 * refuse before all has arrived, and in the form, where others look. Throws `UnavailableError` where nothing usable came.
 */
export async function sendPublication(http: HttpClient, sending: Sending): Promise<PublishReply> {
  const { registry, token, signal, onProgress } = sending;
  let totalBytes = 0;
  const body = createPublishForm(sending, (sent) => onProgress(sent, totalBytes));
  totalBytes = body.sizeBytes;
  const result = await http.request({
    url: publishAddress(registry),
    method: 'POST',
    body,
    headers: { accept: 'application/json' },
    authorization: `Bearer ${token}`,
    signal,
  });
  if (result.kind === 'failure') throw unreachable(registry, result.failure.detail);
  return readReply(result.response, registry, token);
}

function unreachable(registry: string, detail: string): UnavailableError {
  return new UnavailableError(`cannot publish on ${registry}: ${detail}`, { hint: sendAgain });
}

async function readReply(response: HttpResponse, registry: string, token: string): Promise<PublishReply> {
  const { status, headers, retryAfterMs } = response;
  const { location, 'published-archives': archives = '' } = headers;
  const isRedirect = location !== undefined && URL.canParse(location, response.url);
  const text = await readBody(response, registry);
  return {
    status,
    detail: readDetail(text, token),
    retryAfterMs,
    archives: /^\d{1,4}$/.test(archives) ? Number(archives) : undefined,
    stagedId: readStagedId(text),
    location: isRedirect ? hide(showUrl(new URL(location, response.url)), token) : undefined,
  };
}

async function readBody({ body }: HttpResponse, registry: string): Promise<string> {
  try {
    return (await readAtMost(body, longestReplyBytes))?.toString('utf8') ?? '';
  } catch (error) {
    const failure = transportFailure(error);
    if (failure === undefined) throw error;
    throw unreachable(registry, failure.detail);
  }
}

function readStagedId(text: string): string | undefined {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined;
  return isChecksum(value.id) ? value.id : undefined;
}

/** What a registry says in the official form; whatever else it says is a page for browsers. */
function readDetail(text: string, token: string): string | undefined {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || !('detail' in value)) return undefined;
  const { detail } = value;
  const said = hide(typeof detail === 'string' ? detail : JSON.stringify(detail), token).replace(/\.$/, '');
  return said === '' ? undefined : said;
}

function hide(text: string, token: string): string {
  return redact(text, createMask([token]), longestDetail);
}
