import { expect, test } from 'vitest';
import { chooseToken, type TokenPlaces } from './publishing-token.ts';

const registry = 'https://moon.company.com/prefix';
const places: TokenPlaces = {
  option: undefined,
  env: {},
  credentials: undefined,
  registry,
  moonRegistries: ['https://moon.company.com'],
};
const inFile = '{"token": "of-the-file", "username": "ada"}';

test('the variable that is named goes before ours, and that before the file of moon', () => {
  const all = {
    ...places,
    option: 'CI_TOKEN',
    env: { CI_TOKEN: 'of-ci\n', MOONBIT_REGISTRY_TOKEN: 'ours' },
    credentials: inFile,
  };
  expect(chooseToken(all)).toEqual({ text: 'of-ci', from: 'CI_TOKEN' });
  expect(chooseToken({ ...all, option: undefined })).toEqual({
    text: 'ours',
    from: 'MOONBIT_REGISTRY_TOKEN',
  });
  expect(chooseToken({ ...all, option: undefined, env: {} }).text).toBe('of-the-file');
});

test('a variable that is named and not set is no reason to take another', () => {
  const env = { MOONBIT_REGISTRY_TOKEN: 'ours', CI_TOKEN: '' };
  expect(() => chooseToken({ ...places, option: 'CI_TOKEN', env, credentials: inFile })).toThrow(
    '--token-env names CI_TOKEN, which is not set',
  );
});

test.each([
  [[]],
  [['https://mooncakes.io']],
  [['https://moon.company.com:8443']],
  [['http://moon.company.com']],
])('what moon keeps for %j is not sent elsewhere', (moonRegistries) => {
  expect(() => chooseToken({ ...places, credentials: inFile, moonRegistries })).toThrow(
    `is for another registry than ${registry}`,
  );
});

test.each([undefined, '', 'no JSON', '{}', '{"token": 1}', '[]'])(
  'credentials.json %j holds none',
  (credentials) => {
    expect(() => chooseToken({ ...places, credentials })).toThrow('there is no token');
  },
);

test.each(['two words', 'a\nb', 'tökén', 'x'.repeat(4097), '\u0007bell'])(
  '%j is none, and is not told',
  (token) => {
    const env = { MOONBIT_REGISTRY_TOKEN: token };
    expect(() => chooseToken({ ...places, env })).toThrow(
      /^what MOONBIT_REGISTRY_TOKEN holds is no token: it has/,
    );
    expect(() => chooseToken({ ...places, env })).not.toThrow(token);
  },
);
