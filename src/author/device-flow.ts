/** OAuth 2.0 Device Authorization Grant (RFC 8628): somebody who logs in with a browser, on whatever machine. */
import * as v from 'valibot';
import { UnavailableError, UsageError } from '../errors.ts';
import type { MonotonicClock } from '../support/flow/monotonic-clock.ts';
import { askJson, type JsonReply } from '../support/net/ask-json.ts';
import type { HttpClient } from '../support/net/fetch-http.ts';
import { formBody } from '../support/net/form-body.ts';
import { isLoopbackHost } from '../support/net/host-name.ts';
import { showUrl } from '../support/redact.ts';
import { toVisibleLine } from '../support/visible-text.ts';

/** Whom a registry believes, and which of their clients is its own. */
export interface LoginWay {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
}

/** What somebody has to do with a browser. */
export interface DevicePrompt {
  readonly address: string;
  readonly code: string;
  /** The address with the code in it, where the issuer has such a one. */
  readonly wholeAddress: string | undefined;
}

export interface DeviceFlow {
  readonly http: HttpClient;
  readonly clock: MonotonicClock;
  readonly signal: AbortSignal;
  readonly onPrompt: (prompt: DevicePrompt) => void;
}

const longestAnswer = 256 * 1024;
const scope = 'openid email profile';
const grantType = 'urn:ietf:params:oauth:grant-type:device_code';
const defaultIntervalS = 5;
const longestIntervalS = 60;
const longestWaitS = 30 * 60;

const text = v.string();
const discovery = v.object({ issuer: text, device_authorization_endpoint: text, token_endpoint: text });
/** RFC 8628 §3.2. */
const authorization = v.object({
  device_code: text,
  user_code: v.pipe(text, v.maxLength(64)),
  verification_uri: text,
  verification_uri_complete: v.optional(text),
  expires_in: v.number(),
  interval: v.optional(v.number()),
});
const granted = v.object({ id_token: text });
const refused = v.object({ error: text });

/** The identity token that the issuer gives once somebody has logged in. Throws `UsageError` where they did not, `UnavailableError` where it cannot be. */
export async function logInByDevice(way: LoginWay, flow: DeviceFlow): Promise<string> {
  const endpoints = await discover(way, flow);
  const begun = await post(flow, endpoints.device, { client_id: way.clientId, scope });
  const asked = v.safeParse(authorization, begun.document);
  if (begun.status !== 200 || !asked.success) throw unusable(way, `begins no login (HTTP ${begun.status})`);
  const { output } = asked;
  flow.onPrompt({
    address: browserAddress(way, output.verification_uri),
    code: toVisibleLine(output.user_code),
    wholeAddress: output.verification_uri_complete && browserAddress(way, output.verification_uri_complete),
  });
  return waitForToken(way, flow, endpoints.token, output);
}

/** OpenID Connect Discovery 1.0 §4, as RFC 8628 §4 adds to it. */
async function discover(way: LoginWay, flow: DeviceFlow) {
  const address = `${way.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  requireSafe(way, address);
  const { http, signal } = flow;
  const { status, document } = await askJson(http, { url: address, signal }, longestAnswer);
  const found = v.safeParse(discovery, document);
  if (status !== 200 || !found.success) throw unusable(way, `lets no devices log in (HTTP ${status})`);
  const { issuer, device_authorization_endpoint: device, token_endpoint: token } = found.output;
  if (issuer !== way.issuer) throw unusable(way, 'says that it is another one');
  for (const endpoint of [device, token]) requireSafe(way, endpoint);
  return { device, token };
}

async function waitForToken(
  way: LoginWay,
  flow: DeviceFlow,
  url: string,
  { device_code: code, expires_in: expiresIn, interval }: v.InferOutput<typeof authorization>,
): Promise<string> {
  let pauseS = Math.min(Math.max(interval ?? defaultIntervalS, 0.01), longestIntervalS);
  const until = flow.clock.now() + Math.min(expiresIn, longestWaitS) * 1000;
  for (;;) {
    await flow.clock.sleep(pauseS * 1000, flow.signal);
    if (flow.clock.now() > until) throw notDone('nobody logged in within the time that the issuer gives');
    const form = { grant_type: grantType, device_code: code, client_id: way.clientId };
    const answer = await post(flow, url, form).catch((error: unknown) => {
      // §3.5: an issuer that cannot be reached for the moment is asked again, more seldom.
      if (!(error instanceof UnavailableError)) throw error;
      return undefined;
    });
    const got = v.safeParse(granted, answer?.document);
    if (answer?.status === 200 && got.success) return got.output.id_token;
    if (answer?.status === 200) throw unusable(way, 'says nothing of who logged in (no id_token)');
    const said = v.safeParse(refused, answer?.document);
    const error = said.success ? said.output.error : 'slow_down';
    if (error === 'authorization_pending') continue;
    if (error !== 'slow_down') throw refusal(way, error);
    pauseS = Math.min(pauseS + defaultIntervalS, longestIntervalS);
  }
}

function refusal(way: LoginWay, error: string): UsageError | UnavailableError {
  if (error === 'access_denied') return notDone('the login was refused');
  if (error === 'expired_token') return notDone('nobody logged in within the time that the issuer gives');
  return unusable(way, `answers "${toVisibleLine(error.slice(0, 100))}"`);
}

function notDone(why: string): UsageError {
  return new UsageError(why, { hint: 'run the same command again' });
}

function unusable({ name, issuer }: LoginWay, why: string): UnavailableError {
  return new UnavailableError(`the issuer of "${name}", ${showUrl(issuer)}, ${why}`, {
    hint: 'ask whoever operates the registry: [[access.oidc]] names the issuer and its client',
  });
}

function requireSafe(way: LoginWay, address: string): void {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isHere = url?.protocol === 'http:' && isLoopbackHost(url.hostname) && way.issuer.startsWith('http:');
  if (url?.protocol !== 'https:' && !isHere) throw unusable(way, 'names an address that is not https');
}

/** Of what is shown to be opened. */
function browserAddress(way: LoginWay, address: string): string {
  requireSafe(way, address);
  return new URL(address).href;
}

function post(
  { http, signal }: DeviceFlow,
  url: string,
  form: Readonly<Record<string, string>>,
): Promise<JsonReply> {
  return askJson(http, { url, method: 'POST', body: formBody(form), retries: 0, signal }, longestAnswer);
}
