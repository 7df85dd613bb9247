import { expect, test } from 'vitest';
import { RegistryError } from '../errors.ts';
import { judgeReply, manifestAddress, type PublishReply } from './judge-reply.ts';

const asked = {
  registry: 'https://moon.company.com',
  dryRun: false,
  tokenFrom: 'CI_TOKEN',
  modules: ['company/tool@1.0.0', 'company/more@2.0.0'],
};

function reply(status: number, more: Partial<PublishReply> = {}): PublishReply {
  return {
    status,
    detail: undefined,
    retryAfterMs: undefined,
    archives: undefined,
    location: undefined,
    ...more,
  };
}

test.each([
  [202, false, 'waiting'],
  [202, true, 'would-publish'],
] as const)('%i to a dry run (%o) says %s', (status, dryRun, kind) => {
  expect(judgeReply(reply(status), { ...asked, dryRun })).toEqual({ kind });
});

test('202 with an id waits for approval under it, unless it is a dry run', () => {
  const stagedId = 'a'.repeat(64);
  expect(judgeReply(reply(202, { stagedId }), asked)).toEqual({ kind: 'staged', id: stagedId });
  expect(judgeReply(reply(202, { stagedId }), { ...asked, dryRun: true }).kind).toBe('would-publish');
});

test.each([
  [200, 2, true],
  [200, undefined, false],
  [201, 1, false],
])('%i, of %o archives out of two: sure of all is %o', (status, archives, isSure) => {
  expect(judgeReply(reply(status, { archives }), asked)).toEqual({ kind: 'published', isSure });
});

test('one module alone is never in doubt', () => {
  expect(judgeReply(reply(200), { ...asked, modules: ['company/tool@1.0.0'] })).toEqual({
    kind: 'published',
    isSure: true,
  });
});

test('a success of a dry run is none: it may have been for real', () => {
  const verdict = judgeReply(reply(200), { ...asked, dryRun: true });
  expect(verdict).toMatchObject({
    kind: 'failed',
    error: {
      message: expect.stringContaining('does not know dry runs'),
      hint: 'curl https://moon.company.com/api/v0/manifest/company/tool@1.0.0',
    },
  });
});

test.each([
  [400, 'usage', /^https:\/\/moon\.company\.com refuses it: the reason$/, /publish --dry-run/],
  [422, 'usage', /refuses it: the reason$/, /correct that/],
  [507, 'unavailable', /has no room for more that waits for approval: the reason$/, /staged list/],
  [401, 'usage', /does not accept the token of CI_TOKEN: the reason$/, /token create NAME --owner PERSON/],
  [403, 'usage', /token of CI_TOKEN may not publish/, /--for company\/tool --for company\/more$/],
  [404, 'not-found', /nothing can be published on .* answered 404/, /\[hosting\] namespaces/],
  [405, 'not-found', /answered 405/, /\[hosting\] namespaces/],
  [409, 'usage', /has that version already, with other bytes: the reason$/, /raise "version"/],
  [413, 'usage', /larger than .* or a proxy/, /\.moonignore.*max_archive/],
  [429, 'unavailable', /asked too often/, /^wait 7 seconds/],
  [500, 'unavailable', /answered 500: the reason/, /nothing is published twice/],
  [502, 'unavailable', /answered 502/, /same command again/],
  [503, 'unavailable', /answered 503/, /same command again/],
  [504, 'unavailable', /answered 504/, /same command again/],
  [418, 'unavailable', /answered 418/, /same command again/],
  [204, 'unavailable', /answered 204/, /same command again/],
])('%i is a failure with what to do', (status, code, message, hint) => {
  const verdict = judgeReply(reply(status, { detail: 'the reason', retryAfterMs: 6400 }), asked);
  if (verdict.kind !== 'failed') throw new Error(verdict.kind);
  expect(verdict.error).toBeInstanceOf(RegistryError);
  expect(verdict.error).toMatchObject({ code });
  expect(verdict.error.message).toMatch(message);
  expect(verdict.error.hint).toMatch(hint);
});

test.each([
  [
    'https://new.example/base/api/v0/publish',
    /^if that is the registry you mean: .* --registry https:\/\/new\.example\/base$/,
  ],
  ['https://new.example/login', /name the address that it redirects to/],
  [undefined, /name the address/],
])('a redirect to %s is told, not followed', (location, hint) => {
  const verdict = judgeReply(reply(307, { location }), asked);
  expect(verdict).toMatchObject({ kind: 'failed', error: { hint: expect.stringMatching(hint) } });
});

test('the official registry does not say whether the bytes are the same', () => {
  const verdict = judgeReply(reply(409), { ...asked, registry: 'https://mooncakes.io' });
  expect(verdict).toMatchObject({ error: { message: 'https://mooncakes.io has that version already' } });
});

test('addresses of modules are encoded', () => {
  expect(manifestAddress('https://a.example', 'a b/c@1.0.0+x')).toBe(
    'https://a.example/api/v0/manifest/a%20b/c@1.0.0%2Bx',
  );
});
