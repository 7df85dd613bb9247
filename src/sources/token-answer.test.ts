import { expect, test } from 'vitest';
import { readTokenAnswer } from './token-answer.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const minute = 60_000;
const jwt = (claims: object) =>
  ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'c2ln'].join('.');

test.each([
  ['tok3n\n', 'tok3n', 4.5 * minute],
  ['tok3n\r\n', 'tok3n', 4.5 * minute],
  ['{"token": "a", "expires_in": 3600}\n', 'a', 59 * minute],
  ['{"access_token": "a", "expires_in": 300, "token_type": "Bearer"}', 'a', 4.5 * minute],
  ['{"token": "a", "expires_at": "2026-03-01T13:00:00Z"}', 'a', 59 * minute],
  [`{"token": "a", "expires_at": ${now / 1000 + 3600}}`, 'a', 59 * minute],
  ['{"token": "a", "expires_at": "soon"}', 'a', 4.5 * minute],
  ['{"token": "a", "expires_in": 0}', 'a', 10_000],
  ['{"token": "a", "expires_in": 1e9}', 'a', 24 * 60 * minute],
  [jwt({ exp: now / 1000 + 3600 }), jwt({ exp: now / 1000 + 3600 }), 59 * minute],
  [jwt({ exp: 'soon' }), jwt({ exp: 'soon' }), 4.5 * minute],
  ['a.b.c', 'a.b.c', 4.5 * minute],
])('%j is a token, and how long it is good', (text, token, lifeMs) => {
  expect(readTokenAnswer(text, now)).toEqual({ kind: 'token', token, lifeMs });
});

test.each([
  ['', 'printed nothing'],
  ['\n', 'printed nothing'],
  ['{"token": ', 'printed what begins as JSON, and is none'],
  ['{"token": ""}', 'printed JSON in which neither "token" nor "access_token" is a text'],
  ['{"token": 7}', 'printed JSON in which neither "token" nor "access_token" is a text'],
])('%j is none', (text, problem) => {
  expect(readTokenAnswer(text, now)).toEqual({ kind: 'unusable', problem });
});
