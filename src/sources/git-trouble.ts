import type { SourceFailure } from '../model/lookup.ts';

type Trouble = Pick<SourceFailure, 'reason' | 'status'>;

// curl's own numbers (libcurl-errors), which git passes on.
const timedOut = new Set([28]);
const broken = new Set([5, 6, 7, 16, 18, 52, 55, 56, 92, 95, 96]);
const insecure = new Set([35, 51, 53, 54, 58, 59, 60, 64, 66, 77, 80, 82, 83, 90, 91]);

/**
 * What ended a git command that spoke HTTP, by the status and curl's number in what it printed (git's remote-curl.c
 * and http-walker.c): exit codes tell nothing of it. `undefined` where the far side did answer, but with rubbish.
 */
export function readGitTrouble(stderr: string): Trouble | undefined {
  const posted = /RPC failed; (?:HTTP (\d{3}) )?curl (\d{1,3})\b/.exec(stderr);
  if (posted) return fromStatus(posted[1]) ?? fromCurl(posted[2]);
  const walked = /\(curl_result = (\d{1,3}), http_code = (\d{1,3}),/.exec(stderr);
  if (walked) return fromStatus(walked[2]) ?? fromCurl(walked[1]);
  if (/^fatal: (?:Authentication failed for|could not read (?:Username|Password) for) '/m.test(stderr))
    return { reason: 'unauthorized' };
  if (!/^fatal: unable to access '/m.test(stderr)) return undefined;
  // Of the first request git tells nothing but the status, if there was one.
  const status = /returned error: (\d{3})\b/.exec(stderr)?.[1];
  return status === undefined ? { reason: 'connection' } : fromStatus(status);
}

function fromStatus(text: string | undefined): Trouble | undefined {
  const status = Number(text ?? 0);
  if (status === 401 || status === 403) return { reason: 'unauthorized', status };
  if (status === 429) return { reason: 'rate-limited', status };
  return status >= 500 ? { reason: 'server-error', status } : undefined;
}

function fromCurl(text: string | undefined): Trouble | undefined {
  const code = Number(text);
  if (timedOut.has(code)) return { reason: 'timeout' };
  if (broken.has(code)) return { reason: 'connection' };
  return insecure.has(code) ? { reason: 'tls' } : undefined;
}
