import * as v from 'valibot';
import { NotFoundError, UnavailableError, UsageError } from '../errors.ts';
import { askJson, type JsonReply } from '../support/net/ask-json.ts';
import type { HttpClient } from '../support/net/fetch-http.ts';
import { formBody } from '../support/net/form-body.ts';
import { redact } from '../support/redact.ts';
import { createMask } from '../support/secret-mask.ts';
import { shellLine } from '../support/shell.ts';
import { suggest } from '../support/suggest.ts';
import { type DeviceFlow, type LoginWay, logInByDevice } from './device-flow.ts';

/** A token that a registry gave to somebody who logged in. */
export interface LoggedIn {
  readonly text: string;
  /** What the registry calls it. */
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly expiresAt: string;
  /** Whether it may read all that `moon` reads. */
  readonly readsAll: boolean;
}

const longestAnswer = 64 * 1024;
const text = v.pipe(v.string(), v.maxLength(2000));
const ways = v.object({
  logins: v.pipe(
    v.array(v.object({ name: text, issuer: text, clientId: text })),
    v.minLength(1),
    v.maxLength(100),
  ),
});
const token = v.object({
  token: v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,300}$/)),
  name: text,
  expiresAt: v.pipe(v.string(), v.isoTimestamp()),
  mooncakesRegistry: v.optional(v.string()),
});
const problem = v.object({ detail: text, hint: v.optional(text) });

/** Logs in at a registry (its address, without a final slash) by one of its issuers. Throws what stands in the way. */
export async function logIn(
  registry: string,
  { issuer, ...flow }: DeviceFlow & { readonly issuer: string | undefined },
): Promise<LoggedIn> {
  const way = chooseWay(await readWays(flow, registry), issuer, registry);
  const identity = await logInByDevice(way, flow);
  return exchange(flow, registry, identity);
}

async function readWays(flow: DeviceFlow, registry: string): Promise<readonly LoginWay[]> {
  const { status, document } = await ask(flow, registry, '/api/v0/oidc/login', {});
  const found = v.safeParse(ways, document);
  if (status === 200 && found.success) return found.output.logins;
  if (status !== 404 && status !== 200) throw unusable(registry, status);
  throw new NotFoundError(`nobody logs in at ${registry}`, {
    hint: 'ask whoever operates it for a token, or to add an [[access.oidc]] entry with login = true',
  });
}

function chooseWay(found: readonly LoginWay[], name: string | undefined, registry: string): LoginWay {
  const names = found.map((way) => way.name);
  const [only, ...others] = found;
  if (name === undefined && only && others.length === 0) return only;
  const chosen = found.find((way) => way.name === name);
  if (chosen) return chosen;
  const near = name === undefined ? undefined : suggest(name, names);
  throw new UsageError(
    name === undefined
      ? `there are several ways to log in at ${registry}: ${names.join(', ')}`
      : `there is no way "${name}" to log in at ${registry}`,
    { hint: shellLine`moonbit-registry login ${registry} --by ${near ?? names[0] ?? ''}` },
  );
}

async function exchange(flow: DeviceFlow, registry: string, identity: string): Promise<LoggedIn> {
  const { status, document } = await ask(flow, registry, '/api/v0/oidc/exchange', {
    method: 'POST',
    body: formBody({ token: identity }),
  });
  const given = v.safeParse(token, document);
  if (status === 200 && given.success) {
    const { token: secret, name, expiresAt, mooncakesRegistry } = given.output;
    const readsAll = mooncakesRegistry !== undefined;
    return { text: secret, name: redact(name), expiresAt, readsAll };
  }
  const said = v.safeParse(problem, document);
  if (status < 400 || status >= 500 || !said.success) throw unusable(registry, status);
  const hide = (words: string) => redact(words, createMask([identity]), 2000);
  throw new UsageError(
    `${registry} does not let you in: ${hide(said.output.detail).replace(/\.$/, '')}`,
    said.output.hint === undefined ? {} : { hint: hide(said.output.hint) },
  );
}

function unusable(registry: string, status: number): UnavailableError {
  return new UnavailableError(`${registry} answered with HTTP ${status} and nothing that could be used`, {
    hint: 'try again later',
  });
}

function ask(
  { http, signal }: Pick<DeviceFlow, 'http' | 'signal'>,
  registry: string,
  path: string,
  request: Pick<Parameters<HttpClient['request']>[0], 'method' | 'body'>,
): Promise<JsonReply> {
  return askJson(http, { url: `${registry}${path}`, retries: 1, signal, ...request }, longestAnswer);
}
