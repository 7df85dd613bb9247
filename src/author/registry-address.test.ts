import { describe, expect, test } from 'vitest';
import { UsageError } from '../errors.ts';
import { chooseRegistry, isOfficial, type RegistryNames, readRegistryAddress } from './registry-address.ts';

const none: RegistryNames = { option: undefined, variable: undefined, clientConfig: undefined };
const secret = 'mbr_0123456789secret';

test.each([
  ['https://moon.company.com', 'https://moon.company.com', false],
  ['https://Moon.Company.com:443/', 'https://moon.company.com', false],
  ['http://localhost:8080/prefix//', 'http://localhost:8080/prefix', false],
  [`https://token:${secret}@moon.company.com/`, 'https://moon.company.com', true],
  [`https://${secret}@moon.company.com/a`, 'https://moon.company.com/a', true],
  [`https://moon.company.com/t/${secret}`, 'https://moon.company.com', true],
  [`https://moon.company.com/prefix/t/${secret}/`, 'https://moon.company.com/prefix', true],
])('the address %s is %s', (text, url, hasCredentials) => {
  expect(readRegistryAddress(text)).toEqual({ kind: 'address', url, hasCredentials });
});

test.each([
  ['moon.company.com', 'is no address'],
  ['ftp://moon.company.com', 'is no http or https address'],
  [`https://moon.company.com/?token=${secret}`, 'has a query or a fragment, which no registry has'],
  [`https://moon.company.com/#${secret}`, 'has a query or a fragment, which no registry has'],
])('%s is none, and is not repeated', (text, problem) => {
  expect(readRegistryAddress(text)).toEqual({ kind: 'problem', problem });
});

describe('which registry is meant', () => {
  test('the option goes before the variable, and that before the file', () => {
    const all = {
      option: 'https://a.example',
      variable: 'https://b.example',
      clientConfig: 'https://c.example',
    };
    expect(chooseRegistry(all)).toEqual({ url: 'https://a.example', namedBy: 'option' });
    expect(chooseRegistry({ ...all, option: undefined }).namedBy).toBe('variable');
    expect(chooseRegistry({ ...all, option: undefined, variable: '' }).namedBy).toBe('config.json');
  });

  test('nobody is asked where nothing names one', () => {
    expect(() => chooseRegistry(none)).toThrow('which registry is to publish this?');
  });

  test.each(['https://mooncakes.io', 'https://MOONCAKES.io.', 'https://download.mooncakes.io/'])(
    '%s is meant by whoever types it, and by nobody else',
    (url) => {
      expect(isOfficial(url)).toBe(true);
      expect(chooseRegistry({ ...none, option: url }).namedBy).toBe('option');
      expect(() => chooseRegistry({ ...none, variable: url })).toThrow('names the official registry');
      expect(() => chooseRegistry({ ...none, clientConfig: url })).toThrow('names the official registry');
    },
  );

  test.each(['https://notmooncakes.io', 'https://mooncakes.io.example'])('%s is another one', (url) => {
    expect(isOfficial(url)).toBe(false);
  });

  test.each(['http://localhost:1', 'http://127.9.9.9', 'http://[::1]:80', 'https://10.0.0.1'])(
    'a token may go to %s',
    (option) => {
      expect(chooseRegistry({ ...none, option }).url).toBe(option.replace(':80', ''));
    },
  );

  test.each(['http://moon.company.com', 'http://10.0.0.1:8080', 'http://localhost.example', 'http://[::2]'])(
    'a token goes to nobody at %s, and a tunnel helps',
    (option) => {
      expect(() => chooseRegistry({ ...none, option })).toThrow('is not encrypted');
      const hint = expect.stringMatching(/ssh -N -L 8080:localhost:\d+ /);
      expect(errorOf(() => chooseRegistry({ ...none, option }))).toMatchObject({ hint });
    },
  );

  test('no credentials of an address are told', () => {
    const variable = `http://token:${secret}@moon.company.com`;
    expect(JSON.stringify(errorOf(() => chooseRegistry({ ...none, variable })))).not.toContain(secret);
  });
});

function errorOf(work: () => unknown): UsageError {
  try {
    work();
  } catch (error) {
    if (error instanceof UsageError) return error;
  }
  throw new Error('there was no error');
}
