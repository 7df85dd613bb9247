import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/** Stands for GitHub or GitLab: says of a build whose it is, by OpenID Connect. */
export interface BuildIssuer {
  readonly url: string;
  /** The identity token of a run on the main branch of `company/tool`, for this registry. */
  identify(audience: string): Promise<string>;
  close(): Promise<void>;
}

const keyId = 'demo';

/** Starts on loopback, with a key of its own. */
export async function startBuildIssuer(): Promise<BuildIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: keyId, use: 'sig', alg: 'ES256' }] };
  const server = createServer((request, response) => {
    const documents: Readonly<Record<string, unknown>> = {
      '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/keys` },
      '/keys': keys,
    };
    const document = documents[request.url ?? ''];
    response.writeHead(document === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    identify: (audience) =>
      new SignJWT({ sub: 'company/tool', ref: 'refs/heads/main', jti: `run-${process.hrtime.bigint()}` })
        .setProtectedHeader({ alg: 'ES256', kid: keyId })
        .setIssuer(url)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey),
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
