import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { onTestFinished } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';

export interface TestIssuer {
  readonly url: string;
  /** What is served at each path; a test may put something else there. */
  readonly documents: Map<string, unknown>;
  /** Paths that were asked for. */
  readonly asked: string[];
  readonly publicKey: JWK;
  readonly privateKey: CryptoKey;
  /** Answers otherwise, where it is set. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  close(): Promise<void>;
  /** Lets people log in by devices, as this client's users: these answers to polls, one after the other, the last of them for ever. */
  letDevicesIn(answers: readonly DeviceAnswer[]): void;
  /** A token of this issuer that counts now, with these claims besides. */
  token(claims?: Readonly<Record<string, unknown>>, more?: TokenOptions): Promise<string>;
}

/** A status and a document; claims of an identity token instead of `{ claims }`. */
type DeviceAnswer = readonly [status: number, document: Readonly<Record<string, unknown>>];

interface TokenOptions {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: CryptoKey | Uint8Array;
  readonly alg?: string;
}

export const testAudience = 'https://registry.example';

/** As `openIssuer`, until the running test has finished. */
export async function startIssuer(): Promise<TestIssuer> {
  const issuer = await openIssuer();
  onTestFinished(issuer.close);
  return issuer;
}

/** Gives out identity tokens on loopback. */
export async function openIssuer(alg = 'ES256'): Promise<TestIssuer> {
  const keyId = 'key-1';
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const documents = new Map<string, unknown>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    if (issuer.intercept?.(request, response)) return;
    const document = documents.get(path);
    response.statusCode = document === undefined ? 404 : 200;
    response.end(typeof document === 'string' ? document : JSON.stringify(document ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const jwk = { ...(await exportJWK(publicKey)), kid: keyId, use: 'sig' };
  documents.set('/.well-known/openid-configuration', { issuer: url, jwks_uri: `${url}/keys` });
  documents.set('/keys', { keys: [jwk] });
  let made = 0;
  const issuer: TestIssuer = {
    ...{ url, documents, asked, privateKey, publicKey: jwk, intercept: undefined },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
    letDevicesIn(answers) {
      const waiting = [...answers];
      documents.set('/.well-known/openid-configuration', {
        ...{ issuer: url, jwks_uri: `${url}/keys`, token_endpoint: `${url}/token` },
        device_authorization_endpoint: `${url}/device`,
      });
      documents.set('/device', {
        ...{ device_code: 'device-secret', user_code: 'ABCD-EFGH', expires_in: 60, interval: 0.01 },
        ...{ verification_uri: `${url}/open`, verification_uri_complete: `${url}/open?code=ABCD-EFGH` },
      });
      issuer.intercept = (request, response) => {
        if (request.method !== 'POST' || request.url !== '/token') return false;
        const [status, document] = (waiting.length > 1 ? waiting.shift() : waiting[0]) ?? [500, {}];
        const { claims, ...said } = document as { readonly claims?: Record<string, unknown> };
        void Promise.resolve(claims && issuer.token(claims)).then((id_token) => {
          response.statusCode = status;
          response.end(JSON.stringify({ ...said, ...(id_token === undefined ? {} : { id_token }) }));
        });
        return true;
      };
    },
    token(claims = {}, { header = {}, key = privateKey, alg: algorithm = alg } = {}) {
      const seconds = Math.floor(Date.now() / 1000);
      const usual = { iss: url, aud: testAudience, iat: seconds, nbf: seconds, exp: seconds + 300 };
      return new SignJWT({ ...usual, jti: `${url} ${made++}`, sub: 'job', ...claims })
        .setProtectedHeader({ alg: algorithm, kid: keyId, typ: 'JWT', ...header })
        .sign(key);
    },
  };
  return issuer;
}

/** Entries as a file would have them, one text of settings for each. */
export function oidcEntries(...tables: readonly string[]): Config['access']['oidc'] {
  const text = tables.map((table) => `[[access.oidc]]\naudience = "${testAudience}"\n${table}`).join('\n');
  return parseConfig(text, { directory: '/srv/registry' }).access.oidc;
}
