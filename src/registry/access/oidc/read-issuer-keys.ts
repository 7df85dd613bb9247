import type { JWK } from 'jose';
import * as v from 'valibot';
import type { Environment } from '../../../support/environment.ts';
import { type Destinations, isPublicDestination } from '../../../support/net/destination.ts';
import { createHttpClient, type HttpClient } from '../../../support/net/fetch-http.ts';
import { isLoopbackHost } from '../../../support/net/host-name.ts';
import { parseJson } from '../../../support/parse-json.ts';
import { readAtMost } from '../../../support/read-at-most.ts';
import { showUrl } from '../../../support/redact.ts';
import { programVersion } from '../../../support/version.ts';
import type { ReadKeys } from './issuer-keys.ts';

const timeouts = { connectMs: 5000, firstByteMs: 5000, idleMs: 5000, totalMs: 10_000 };
const discoveryBytes = 64 * 1024;
const keysBytes = 256 * 1024;
const mostKeys = 100;

const discovery = v.object({ issuer: v.string(), jwks_uri: v.string() });
const keySet = v.object({ keys: v.pipe(v.array(v.looseObject({ kty: v.string() })), v.maxLength(mostKeys)) });

/** Reads keys as OpenID Connect Discovery 1.0 says (§4), and follows nobody: an issuer's keys are where it says itself. */
export function createKeyReader(env: Environment): ReadKeys {
  return async (issuer) => {
    const http = createHttpClient({
      userAgent: `moonbit-registry/${programVersion}`,
      timeouts,
      retry: { retries: 1 },
      environment: env,
      destinations: destinationsOf(issuer),
    });
    try {
      const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
      const found = v.safeParse(discovery, await readDocument(http, address, discoveryBytes));
      if (!found.success) throw new Error(`${showUrl(address)} names no issuer and no keys`);
      // §4.3: else anybody's document would do, whom the address leads to.
      if (found.output.issuer !== issuer)
        throw new Error(
          `${showUrl(address)} is of another issuer: ${JSON.stringify(found.output.issuer.slice(0, 200))}`,
        );
      const keysAddress = addressOfKeys(found.output.jwks_uri, issuer);
      const keys = v.safeParse(keySet, await readDocument(http, keysAddress, keysBytes));
      if (!keys.success) throw new Error(`${showUrl(keysAddress)} is no set of at most ${mostKeys} keys`);
      return keys.output.keys as readonly JWK[];
    } finally {
      await http.close();
    }
  };
}

function addressOfKeys(text: string, issuer: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOnThisMachine =
    url?.protocol === 'http:' && isLoopbackHost(url.hostname) && issuer.startsWith('http:');
  const isSafe = url?.protocol === 'https:' || isOnThisMachine;
  if (!url || !isSafe || url.username !== '' || url.password !== '')
    throw new Error('its keys are said to be at an address that is not https');
  return url.href;
}

async function readDocument(http: HttpClient, url: string, maxBytes: number): Promise<unknown> {
  const result = await http.request({ url, isSmall: true, maxRedirects: 0 });
  if (result.kind === 'failure') throw new Error(`cannot read ${showUrl(url)}: ${result.failure.detail}`);
  const { status, body } = result.response;
  if (status !== 200) {
    result.response.discard();
    throw new Error(`${showUrl(url)} answers ${status}`);
  }
  const bytes = await readAtMost(body, maxBytes);
  if (bytes === undefined) throw new Error(`${showUrl(url)} is larger than ${maxBytes / 1024} KiB`);
  return parseJson(bytes.toString('utf8'));
}

/** The issuer itself, whatever its address, since the operator names it; whom it sends us to, on the public internet alone. */
function destinationsOf(issuer: string): Destinations {
  const { origin } = new URL(issuer);
  return {
    permits: (url, address) => url.origin === origin || isPublicDestination(url, address),
    refusal: ({ host }) => `${host} is not on the public internet, and not where the issuer is`,
  };
}
