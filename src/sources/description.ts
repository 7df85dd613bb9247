import { found, type Lookup, type SourceFailure, unavailable } from '../model/lookup.ts';
import { patternProblem } from '../model/pattern.ts';
import { descriptionMark, descriptionPath, mostWithdrawn } from '../model/registry-description.ts';
import { readWithdrawal, type Withdrawal } from '../model/withdrawal.ts';
import { isRecord } from '../support/is-record.ts';
import { parseJson } from '../support/parse-json.ts';
import { showUrl } from '../support/redact.ts';
import type { GitContext } from './git-context.ts';
import { askHttp, isWebPage, readBody } from './http-answer.ts';

/**
 * What another registry of our own kind says of itself at `/.well-known/moonbit-registry`, below its `url`. It is believed of that
 * registry alone, and says less than it could: archives are asked for below `url`, whatever address it names.
 */
interface Description {
  /** Patterns of the names that are published there. */
  readonly hosts: readonly string[];
  /** The commit of the index that it serves now. */
  readonly commit: string;
  /** Whether it says that sources of its own are not current. */
  readonly isStale: boolean;
  /** What was taken back there: the newest of it. */
  readonly withdrawn: readonly Withdrawal[];
}

/** What was read last, with what makes the next question conditional. */
export interface KnownDescription {
  readonly description: Description;
  readonly etag: string | undefined;
}

const maxBytes = 1024 * 1024;
const maxHosts = 10_000;
const maxPatternCharacters = 512;

/** Where a registry of our own kind has its index. */
export function isItsIndex({ url, indexUrl, indexBranch }: GitContext['config']): boolean {
  return indexBranch === undefined && indexUrl.replace(/\/+$/, '') === `${url}/git/index`;
}

/**
 * Asks for it, and only for what has changed since `known`. `found(undefined)`: what runs there gives none, or nothing to us. Anything
 * else that goes wrong is `unavailable`: who does not know what the other registry hosts must not guess (rule 4).
 */
export async function readDescription(
  context: GitContext,
  known: KnownDescription | undefined,
  signal: AbortSignal,
): Promise<Lookup<KnownDescription | undefined>> {
  const url = context.config.url + descriptionPath;
  if (!/^https?:/i.test(url)) return found(undefined);
  const headers: Record<string, string> = known?.etag === undefined ? {} : { 'if-none-match': known.etag };
  const answer = await askHttp(context, { url, headers, isSmall: true, signal });
  if (answer.kind === 'missing') return found(undefined);
  if (answer.kind === 'not-modified') return found(known);
  if (answer.kind === 'failed')
    return isOfAnotherServer(answer.cause) ? found(undefined) : unavailable(answer.cause);
  const { response } = answer;
  if (isWebPage(response)) {
    response.discard();
    return found(undefined);
  }
  const body = await readBody(response, maxBytes, signal);
  if (body.kind !== 'found') return body;
  const description = parseDescription(body.value.toString('utf8'));
  if (description) return found({ description, etag: response.headers.etag });
  const detail = `${showUrl(url)}: not what a registry says of itself there`;
  return unavailable({ reason: 'bad-answer', detail, status: 200 });
}

/** Servers of other kinds refuse in many ways what they do not know. */
function isOfAnotherServer({ reason, status = 0 }: SourceFailure): boolean {
  return reason === 'unauthorized' || (reason === 'bad-answer' && status >= 400 && status < 500);
}

/** `undefined` where any of what we need is not as it should be: half a description is none. Unknown keys are a later program's. */
function parseDescription(text: string): Description | undefined {
  const value = parseJson(text);
  if (!isRecord(value) || value.registry !== descriptionMark || !isRecord(value.index)) return undefined;
  const { hosts, stale } = value;
  const { commit } = value.index;
  if (!Array.isArray(hosts) || hosts.length > maxHosts || !hosts.every(isPattern)) return undefined;
  if (!Array.isArray(stale) || typeof commit !== 'string' || !/^[0-9a-f]{40}$/.test(commit)) return undefined;
  return { hosts, commit, isStale: stale.length > 0, withdrawn: readWithdrawn(value.withdrawn) };
}

/** Of what cannot be read nothing is refused, and the rest holds. */
function readWithdrawn(value: unknown): Withdrawal[] {
  if (!isRecord(value) || !Array.isArray(value.newest)) return [];
  return value.newest.slice(0, mostWithdrawn).flatMap((one) => readWithdrawal(one) ?? []);
}

function isPattern(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length <= maxPatternCharacters && patternProblem(value) === undefined
  );
}
