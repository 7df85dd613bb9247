import * as v from 'valibot';
import { NotFoundError, UnavailableError, UsageError } from '../errors.ts';
import { isVersion, type Version } from '../model/version.ts';
import { askJson } from '../support/net/ask-json.ts';
import type { HttpClient } from '../support/net/fetch-http.ts';
import { jsonBody } from '../support/net/json-body.ts';
import { redact } from '../support/redact.ts';
import { createMask } from '../support/secret-mask.ts';

/** What somebody wants to have yanked elsewhere; without a reason, no more. */
export interface YankToSend {
  readonly module: string;
  readonly version: string | undefined;
  readonly reason: string | undefined;
}

export interface YankSent {
  /** All that were meant, and those that were not so before. */
  readonly versions: readonly Version[];
  readonly changed: readonly Version[];
}

const longestAnswer = 1024 * 1024;
const versions = v.array(v.custom<Version>(isVersion));
const done = v.object({ versions, changed: versions });
const text = v.pipe(v.string(), v.maxLength(2000));
const problem = v.object({ detail: text, hint: v.optional(text) });

/** Asks a registry (its address, without a final slash) to do it. Throws what stands in the way. */
export async function sendYank(
  http: HttpClient,
  registry: string,
  {
    token,
    yank,
    signal,
  }: { readonly token: string; readonly yank: YankToSend; readonly signal: AbortSignal },
): Promise<YankSent> {
  const { module, version, reason } = yank;
  const document = { module, version, ...(reason === undefined ? { yanked: false } : { reason }) };
  const sending = {
    method: 'POST',
    body: jsonBody(document),
    authorization: `Bearer ${token}`,
    signal,
  } as const;
  const url = `${registry}/api/v0/yank`;
  const { status, document: answer } = await askJson(http, { url, ...sending }, longestAnswer);
  const success = v.safeParse(done, answer);
  if (status === 200 && success.success) return success.output;
  throw refusal(registry, status, answer, token);
}

function refusal(registry: string, status: number, answer: unknown, token: string) {
  const said = v.safeParse(problem, answer);
  if (!said.success || status < 400 || status >= 500)
    return new UnavailableError(`${registry} answered with HTTP ${status} and nothing that could be used`, {
      hint: 'it may be no moonbit-registry that yanks; nothing was changed as far as it said',
    });
  const hide = (words: string) => redact(words, createMask([token]), 2000);
  const message = `${registry} refuses it: ${hide(said.output.detail).replace(/\.$/, '')}`;
  const hint = said.output.hint === undefined ? {} : { hint: hide(said.output.hint) };
  return status === 404 ? new NotFoundError(message, hint) : new UsageError(message, hint);
}
