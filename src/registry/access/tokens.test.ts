import { describe, expect, test } from 'vitest';
import { knowTokens } from './known-tokens.ts';
import { mayFor, mayForAll } from './permissions.ts';
import { addToken, revokeOwner, revokeToken, rotateToken, type TokenRequest } from './token-changes.ts';
import { formatTokens, parseTokens, type TokenRecord } from './token-record.ts';
import { createToken, readToken } from './token-text.ts';

const now = new Date('2026-11-27T12:00:00Z');
const stamp = { now, by: 'tester' };
const hour = 3_600_000;

function request(name: string, more: Partial<TokenRequest> = {}): TokenRequest {
  return { name, owner: 'ada', grants: { read: ['*'] }, lifetimeMs: 24 * hour, ...more };
}

function make(name: string, more: Partial<TokenRequest> = {}, before: readonly TokenRecord[] = []) {
  const { text, digest } = createToken();
  return { text, tokens: addToken(before, request(name, more), digest, stamp) };
}

describe('the text of a token', () => {
  test('has mbr_, 43 characters of base 62 and 6 that check them, and is another one each time', () => {
    const texts = Array.from({ length: 200 }, () => createToken().text);
    for (const text of texts) expect(text).toMatch(/^mbr_[0-9A-Za-z]{49}$/);
    expect(new Set(texts).size).toBe(200);
  });

  test('holds all 256 bits, of the smallest and the largest number too', () => {
    for (const byte of [0, 255]) {
      const { text, digest } = createToken((bytes) => Buffer.alloc(bytes, byte));
      expect(text).toHaveLength(53);
      expect(readToken(text)).toBe(digest);
    }
  });

  test.each([
    [
      'a changed character',
      (text: string) => `${text.slice(0, 10)}${text[10] === 'a' ? 'b' : 'a'}${text.slice(11)}`,
    ],
    ['a changed check character', (text: string) => `${text.slice(0, -1)}${text.endsWith('a') ? 'b' : 'a'}`],
    ['two exchanged characters', (text: string) => `mbr_${'ab'}${text.slice(6)}`],
    ['too short', (text: string) => text.slice(0, -1)],
    ['too long', (text: string) => `${text}a`],
    ['a blank', (text: string) => `${text} `],
    ['a line end', (text: string) => `${text}\n`],
    ['another prefix', (text: string) => `mbx_${text.slice(4)}`],
  ])('%s is not read', (_, change) => {
    expect(readToken(change(createToken().text))).toBeUndefined();
  });
});

describe('what counts', () => {
  test('a token is found by its text, and by nothing else', () => {
    const { text, tokens } = make('ci');
    const known = knowTokens(tokens);
    expect(known.find(text, '10.0.0.1', now.getTime())).toMatchObject({
      kind: 'holder',
      holder: { name: 'ci', owner: 'ada' },
    });
    expect(known.find(createToken().text, '10.0.0.1', now.getTime())).toEqual({
      kind: 'unknown',
      hasForm: true,
    });
    expect(JSON.stringify(tokens)).not.toContain(text.slice(4, 20));
  });

  test('it ends when it expires, or is revoked, and says which', () => {
    const { text, tokens } = make('ci');
    const at = (records: readonly TokenRecord[], ms: number) => knowTokens(records).find(text, undefined, ms);
    expect(at(tokens, now.getTime() + 24 * hour - 1)).toMatchObject({ kind: 'holder' });
    expect(at(tokens, now.getTime() + 24 * hour)).toEqual({ kind: 'spent', name: 'ci', why: 'expired' });
    expect(at(revokeToken(tokens, 'ci', stamp), now.getTime())).toEqual({
      kind: 'spent',
      name: 'ci',
      why: 'revoked',
    });
    expect(at(make('x', { lifetimeMs: undefined }).tokens, now.getTime())).toEqual({
      kind: 'unknown',
      hasForm: true,
    });
  });

  test('rotated, both texts count for an hour, and the token expires when it would have', () => {
    const { text, tokens } = make('ci');
    const fresh = createToken();
    const rotated = rotateToken(tokens, 'ci', fresh.digest, stamp);
    const at = (one: string, ms: number) => knowTokens(rotated).find(one, undefined, now.getTime() + ms);
    expect(at(text, hour - 1)).toMatchObject({ kind: 'holder' });
    expect(at(text, hour)).toEqual({ kind: 'spent', name: 'ci', why: 'replaced' });
    expect(at(fresh.text, hour)).toMatchObject({ kind: 'holder' });
    expect(at(fresh.text, 24 * hour)).toEqual({ kind: 'spent', name: 'ci', why: 'expired' });
    // Once more: nothing that was replaced counts for longer.
    const later = { ...stamp, now: new Date(now.getTime() + hour / 2) };
    const again = rotateToken(rotated, 'ci', createToken().digest, later);
    expect(knowTokens(again).find(text, undefined, now.getTime() + hour)).toMatchObject({ why: 'replaced' });
  });

  test('it counts only from the addresses it is for, IPv4 inside IPv6 among them', () => {
    const { text, tokens } = make('ci', { cidr: ['10.0.0.0/8', 'fd00::/8'] });
    const from = (address: string | undefined) => knowTokens(tokens).find(text, address, now.getTime()).kind;
    expect([from('10.9.8.7'), from('fd12::1'), from('192.0.2.1'), from(undefined)]).toEqual([
      'holder',
      'holder',
      'spent',
      'spent',
    ]);
  });
});

describe('what may be done', () => {
  test('each permission holds for its own names', () => {
    const holder = {
      kind: 'token',
      name: 'ci',
      owner: 'ada',
      grants: { read: ['*'], publish: ['company/*'] },
    } as const;
    expect(mayFor(holder, 'publish', 'company/tool')).toBe(true);
    expect(mayFor(holder, 'publish', 'partner/tool')).toBe(false);
    expect(mayFor(holder, 'yank', 'company/tool')).toBe(false);
    expect([mayForAll(holder, 'read'), mayForAll(holder, 'publish')]).toEqual([true, false]);
    expect(mayFor({ kind: 'anonymous' }, 'read', 'company/tool')).toBe(false);
  });
});

describe('changes', () => {
  test('a name is given once only, also after it was revoked', () => {
    const { tokens } = make('ci');
    expect(() => make('ci', {}, tokens)).toThrow('there is a token "ci" already (of ada)');
    expect(() => make('ci', {}, revokeToken(tokens, 'ci', stamp))).toThrow(
      'already (revoked since 2026-11-27',
    );
    expect(() => make('No Such', {})).toThrow('cannot be called "No Such"');
  });

  test('all of a person are revoked at once; nobody else is', () => {
    const one = make('a', { owner: 'ada' });
    const two = make('b', { owner: 'ada' }, one.tokens);
    const three = make('c', { owner: 'bob' }, two.tokens);
    const after = revokeOwner(three.tokens, 'ada', stamp);
    expect(after.map(({ revokedAt }) => revokedAt !== undefined)).toEqual([true, true, false]);
    expect(() => revokeOwner(after, 'ada', stamp)).toThrow('no token of "ada" is left to revoke');
    expect(() => revokeOwner(after, 'adda', stamp)).toThrow('did you mean "ada"?');
  });

  test('what is not there, or counts no more, is neither revoked nor rotated', () => {
    const { tokens } = make('deploy');
    expect(() => revokeToken(tokens, 'deplay', stamp)).toThrow(
      'there is no token "deplay"; did you mean "deploy"?',
    );
    const after = revokeToken(tokens, 'deploy', stamp);
    expect(() => revokeToken(after, 'deploy', stamp)).toThrow('was revoked already');
    expect(() => rotateToken(after, 'deploy', createToken().digest, stamp)).toThrow('cannot be rotated');
  });
});

describe('the file', () => {
  test('is read as it was written, with what a later program has added', () => {
    const { tokens } = make('ci', { cidr: ['10.0.0.0/8'] });
    const text = formatTokens(tokens);
    expect(parseTokens(text)).toEqual(tokens);
    const added = text.replace('{', '{"later":{"x":1},');
    expect(formatTokens(parseTokens(added))).toContain('"later":{"x":1}');
  });

  test.each([
    ['no JSON', 'rubbish'],
    ['a digest that is none', JSON.stringify({ ...make('ci').tokens[0], keys: [{ digest: 'abc' }] })],
    ['a date that is none', JSON.stringify({ ...make('ci').tokens[0], revokedAt: 'yesterday' })],
    [
      'an unknown permission',
      JSON.stringify({ ...make('ci').tokens[0], grants: { read: ['*'], root: ['*'] } }),
    ],
    ['a range that is none', JSON.stringify({ ...make('ci').tokens[0], cidr: ['10.0.0.0/99'] })],
  ])('a line with %s stops all', (_, line) => {
    expect(() => parseTokens(`${formatTokens(make('a').tokens)}${line}\n`)).toThrow('line 2 of tokens.jsonl');
  });
});
