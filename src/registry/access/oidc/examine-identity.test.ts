import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  oidcEntries,
  openIssuer,
  startIssuer,
  type TestIssuer,
  testAudience,
} from '../../../../test/support/issuer.ts';
import { examineIdentity } from './examine-identity.ts';
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.ts';
import { createKeyReader } from './read-issuer-keys.ts';

const now = Date.now();
const seconds = Math.floor(now / 1000);
const entriesOf = ({ url }: TestIssuer) =>
  oidcEntries(`name = "machines"\nissuer = "${url}"\nclaims = { sub = "job" }\nmay = ["read"]`);
const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

let issuer: TestIssuer;
let other: TestIssuer;
let keys: IssuerKeys;
beforeAll(async () => {
  [issuer, other] = await Promise.all([openIssuer(), openIssuer()]);
  keys = createIssuerKeys(createKeyReader({}), () => 0);
});
afterAll(() => Promise.all([issuer.close(), other.close()]));

const examine = (token: string, of: IssuerKeys = keys) =>
  examineIdentity(token, { entries: entriesOf(issuer), keys: of, now });

const attacks: Readonly<Record<string, () => Promise<string> | string>> = {
  'no token': () => 'mbr_x',
  nothing: () => '',
  'signed by another key': async () => issuer.token({}, { key: (await generateKeyPair('ES256')).privateKey }),
  'of another issuer with a key of the same name': async () => other.token(),
  'of another issuer that says it is this one': async () => other.token({ iss: issuer.url }),
  'alg none': async () => {
    const [, body] = (await issuer.token()).split('.');
    return `${part({ alg: 'none', typ: 'JWT' })}.${body}.`;
  },
  'alg none, and a signature': async () => {
    const [, body, signature] = (await issuer.token()).split('.');
    return `${part({ alg: 'nOnE', typ: 'JWT' })}.${body}.${signature}`;
  },
  'HS256 by the public key': async () => {
    const [, body] = (await issuer.token()).split('.');
    const head = part({ alg: 'HS256', kid: 'key-1' });
    const secret = JSON.stringify(issuer.publicKey);
    return `${head}.${body}.${createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')}`;
  },
  'a key that the token brings': async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const [, body] = (await issuer.token()).split('.');
    const head = part({ alg: 'ES256', jwk: publicKey.export({ format: 'jwk' }) });
    const signature = sign('sha256', Buffer.from(`${head}.${body}`), {
      key: privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    return `${head}.${body}.${signature.toString('base64url')}`;
  },
  'a key whose name is a path': () => issuer.token({}, { header: { kid: '../../etc/passwd' } }),
  'a key whose name is none': async () => {
    const [, body, signature] = (await issuer.token()).split('.');
    return `${part({ alg: 'ES256', kid: { $ne: null } })}.${body}.${signature}`;
  },
  'a header that must be understood': () => issuer.token({}, { header: { crit: ['b64'], b64: true } }),
  'a token of another kind': () => issuer.token({}, { header: { typ: 'logout+jwt' } }),
  huge: () => issuer.token({ huge: 'x'.repeat(16_000) }),
  'a token in a token': async () => {
    const [head, , signature] = (await issuer.token()).split('.');
    return `${head}.${part(JSON.stringify(await issuer.token()))}.${signature}`;
  },
  'deeply nested': async () => {
    const [head, , signature] = (await issuer.token()).split('.');
    return `${head}.${part(`${'['.repeat(9000)}`)}.${signature}`;
  },
  'a claim twice': () =>
    signText(
      `{"iss":"${issuer.url}","sub":"x","sub":"job","aud":"${testAudience}","iat":${seconds},"exp":${seconds + 60}}`,
    ),
  'without an end': () => issuer.token({ exp: undefined }),
  'an end that is a text': () => issuer.token({ exp: String(seconds + 60) as unknown as number }),
  'without a beginning': () => issuer.token({ iat: undefined }),
  changed: async () => {
    const [head, body = '', signature] = (await issuer.token({ sub: 'other' })).split('.');
    const claims = Buffer.from(body, 'base64url').toString().replace('other', 'job');
    return `${head}.${part(claims)}.${signature}`;
  },
  'spelled otherwise': async () => `${await issuer.token()}=`,
};

function signText(claims: string): Promise<string> {
  const signed = `${part({ alg: 'ES256', kid: 'key-1' })}.${part(claims)}`;
  return crypto.subtle
    .sign({ name: 'ECDSA', hash: 'SHA-256' }, issuer.privateKey, Buffer.from(signed))
    .then((signature) => `${signed}.${Buffer.from(signature).toString('base64url')}`);
}

test.each(Object.entries(attacks))('%s is none', async (_, attack) => {
  expect(await examine(await attack())).toMatchObject({ kind: 'none' });
});

test.each([
  ['expired', { exp: seconds - 120, iat: seconds - 500, nbf: undefined }, 'expired at'],
  ['not valid yet', { nbf: seconds + 300 }, 'counts from'],
  ['made tomorrow', { iat: seconds + 86_400, nbf: undefined, exp: seconds + 90_000 }, 'counts from'],
])('%s: it does not count now', async (_, claims, why) => {
  expect(await examine(await issuer.token(claims))).toMatchObject({
    times: { kind: 'other-time', why: expect.stringContaining(why) },
  });
});

test.each([
  ['for somebody else', { aud: 'https://other.example' }, { claim: 'aud', actual: 'https://other.example' }],
  ['for nobody', { aud: undefined }, { claim: 'aud', actual: undefined }],
  ['for the beginning of us', { aud: testAudience.slice(0, -1) }, { claim: 'aud' }],
  ['for more than us in one text', { aud: `${testAudience} x` }, { claim: 'aud' }],
  ['another job', { sub: 'job2' }, { claim: 'sub', actual: 'job2', expected: ['job'] }],
  ['another letter case', { sub: 'Job' }, { claim: 'sub', actual: 'Job' }],
  ['a list of jobs', { sub: ['job'] as unknown as string }, { claim: 'sub', actual: undefined }],
])('%s: the claim is named', async (_, claims, failure) => {
  const examined = await examine(await issuer.token(claims));
  expect(examined.kind === 'signed' && examined.verdicts[0]?.failures).toMatchObject([failure]);
});

test.each([
  ['a token as it should be', {}],
  ['a clock that is ahead by half a minute', { nbf: seconds + 30, iat: seconds + 30 }],
  ['one that is behind', { exp: seconds - 30, iat: seconds - 90, nbf: undefined }],
  ['a token for several', { aud: ['x', testAudience] }],
])('%s counts', async (_, claims) => {
  expect(await examine(await issuer.token(claims))).toMatchObject({
    times: { kind: 'current' },
    verdicts: [{ failures: [] }],
  });
});

test('where keys could be had is for the issuer to say: jku and x5u are not asked', async () => {
  const asked = issuer.asked.length;
  const header = { jku: `${issuer.url}/jku`, x5u: `${issuer.url}/x5u` };
  expect(await examine(await issuer.token({}, { header }))).toMatchObject({ kind: 'signed' });
  expect(issuer.asked.slice(asked)).toEqual([]);
});

test('RSA and Ed25519 do as well', async () => {
  for (const alg of ['RS256', 'Ed25519']) {
    const one = await openIssuer(alg);
    const entries = entriesOf(one);
    expect(await examineIdentity(await one.token(), { entries, keys, now })).toMatchObject({
      kind: 'signed',
    });
    await one.close();
  }
});

describe('the keys of an issuer', () => {
  test.each<readonly [string, (issuer: TestIssuer, elsewhere: string) => void]>([
    [
      "which are somebody else's",
      ({ documents, url }) => {
        documents.set('/.well-known/openid-configuration', { issuer: `${url}/`, jwks_uri: `${url}/keys` });
      },
    ],
    ['which are nowhere', ({ documents }) => void documents.delete('/keys')],
    [
      'which are too many',
      ({ documents, publicKey }) => {
        documents.set('/keys', { keys: Array.from({ length: 200 }, () => publicKey) });
      },
    ],
    [
      'which do not end',
      ({ documents }) => {
        documents.set('/keys', 'x'.repeat(1024 * 1024));
      },
    ],
    [
      'which are at a private address',
      ({ documents, url }, elsewhere) => {
        documents.set('/.well-known/openid-configuration', { issuer: url, jwks_uri: `${elsewhere}/keys` });
      },
    ],
    [
      'which are behind a redirect to one',
      (issuer, elsewhere) => {
        issuer.intercept = (_, response) => {
          response.writeHead(302, { Location: `${elsewhere}/.well-known/openid-configuration` }).end();
          return true;
        };
      },
    ],
    [
      'which are in a file',
      ({ documents, url }) => {
        documents.set('/.well-known/openid-configuration', { issuer: url, jwks_uri: 'file:///etc/passwd' });
      },
    ],
  ])('%s are not used', async (_, change) => {
    const own = await startIssuer();
    const asked: string[] = [];
    const inside = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end(JSON.stringify(own.documents.get(request.url ?? '')));
    }).listen(0, '127.0.0.1');
    await once(inside, 'listening');
    onTestFinished(() => void inside.close());
    change(own, `http://127.0.0.1:${(inside.address() as AddressInfo).port}`);
    const fresh = createIssuerKeys(createKeyReader({}), () => 0);
    const token = await own.token();
    const examined = await examineIdentity(token, { entries: entriesOf(own), keys: fresh, now });
    expect(examined.kind).toBe('unavailable');
    expect(asked).toEqual([]);
  });

  test('are read once for many, and again only now and then, whatever names are asked for', async () => {
    let reads = 0;
    let time = 0;
    let isDown = false;
    let kid = 'a';
    const read = async () => {
      reads++;
      if (isDown) throw new Error('down');
      return [{ kty: 'EC', crv: 'P-256', kid }];
    };
    const cached = createIssuerKeys(read, () => time);
    const find = async (keyId: string) => (await cached.find('x', { algorithm: 'ES256', keyId })).kind;
    expect(await Promise.all(['a', 'a', 'a'].map(find))).toEqual(['found', 'found', 'found']);
    for (let i = 0; i < 5; i++) expect(await find(`k${i}`)).toBe('absent');
    expect(reads).toBe(1);
    // A new key is found as soon as we may ask again; a former one that is gone, no more.
    kid = 'b';
    time = 10_000;
    expect([await find('b'), await find('a'), reads]).toEqual(['found', 'absent', 2]);
    // An issuer that is down for a while is not asked all the time, and what it said last counts; not for ever.
    isDown = true;
    time += 11 * 60_000;
    expect([await find('b'), await find('b'), reads]).toEqual(['found', 'found', 3]);
    time += 50 * 60_000;
    expect([await find('b'), await find('b'), reads]).toEqual(['unavailable', 'unavailable', 4]);
  });
});
