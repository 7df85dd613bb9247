import { describe, expect, test } from 'vitest';
import {
  destinationProblem,
  isPublicDestination,
  namedDestinationProblem,
  parseNamedDestination,
} from './destination.ts';

describe('a destination that the operator names', () => {
  test.each([
    ['files.example.com', 'https://files.example.com/x', '10.0.0.1', true],
    ['Files.Example.COM.', 'https://files.example.com/x', '10.0.0.1', true],
    ['files.example.com', 'https://files.example.com./x', '10.0.0.1', true],
    ['files.example.com', 'https://more.files.example.com/x', '10.0.0.1', false],
    ['files.example.com', 'https://files.example.com.evil.example/', '10.0.0.1', false],
    ['intranet', 'http://intranet:8080/', undefined, true],
    ['intranet:8080', 'http://intranet:8080/', undefined, true],
    ['intranet:8080', 'http://intranet/', undefined, false],
    ['intranet:443', 'https://intranet/', undefined, true],
    ['my_host-1', 'http://my_host-1/', undefined, true],
    ['10.1.2.3', 'http://10.1.2.3:9200/', '10.1.2.3', true],
    ['10.1.2.3', 'http://a.example/', '10.1.2.3', true],
    ['10.1.2.3:80', 'http://a.example/', '10.1.2.3', true],
    ['10.1.2.3:80', 'http://a.example:81/', '10.1.2.3', false],
    ['10.0.0.0/8', 'http://a.example/', '10.255.0.1', true],
    ['10.0.0.0/8', 'http://a.example/', '11.0.0.1', false],
    ['10.0.0.0/8', 'http://a.example/', undefined, false],
    ['fd00::/8', 'http://a.example/', 'fd12::1', true],
    ['fd00::/8', 'http://a.example/', 'fe80::1', false],
    ['fe80::/10', 'http://a.example/', 'fe80::1%eth0', false],
    ['::1', 'http://[::1]:8080/', '::1', true],
    ['[::1]:8080', 'http://[::1]:8080/', '::1', true],
    ['[::1]:8080', 'http://[::1]:80/', '::1', false],
    ['[::1]', 'http://localhost/', '::1', true],
  ])('%s matches %s at %s: %s', (named, url, address, isMatch) => {
    expect(namedDestinationProblem(named)).toBeUndefined();
    expect(parseNamedDestination(named).matches(new URL(url), address)).toBe(isMatch);
  });

  test.each([
    ['', 'expected a host'],
    [' ', 'expected a host'],
    ['a b', 'expected a host'],
    ['http://a.example', 'without a scheme'],
    ['*.example.com', 'a "*" stands for nothing here'],
    ['a.example/path', 'expected a host'],
    ['10.0.0.0/33', 'from 0 to 32'],
    ['10.0.0.0/', 'from 0 to 32'],
    ['fd00::/129', 'from 0 to 128'],
    ['10.0.0/8', 'expected a host'],
    ['10.0.0.0/8/8', 'expected a host'],
    ['127.1', 'four decimal numbers'],
    ['0x7f.0.0.1', 'four decimal numbers'],
    ['2130706433', 'four decimal numbers'],
    ['a.example:0', 'a port from 1'],
    ['a.example:65536', 'a port from 1'],
    ['a.example:', 'expected a host'],
    ['a.example:http', 'expected a host'],
    ['[10.0.0.1]', 'expected a host'],
    ['[fe80::1%eth0]', 'without a zone'],
    ['fe80::1%eth0/64', 'expected a host'],
    ['$(id)', 'expected a host'],
    ['-a.example', 'expected a host'],
    ['a..example', 'expected a host'],
    ['user@a.example', 'expected a host'],
  ])('is not %j', (named, problem) => {
    expect(namedDestinationProblem(named)).toContain(problem);
  });
});

describe('where nobody is named', () => {
  test.each([
    ['https://a.example/', '8.8.8.8', true],
    ['https://a.example/', '10.0.0.1', false],
    ['https://a.example/', undefined, true],
    ['https://intranet/', undefined, false],
    ['https://intranet./', undefined, false],
    ['https://localhost/', undefined, false],
    ['https://a.localhost/', undefined, false],
  ])('%s at %s is on the public internet: %s', (url, address, isPublic) => {
    expect(isPublicDestination(new URL(url), address)).toBe(isPublic);
  });

  test('a name is left to be resolved, unless a proxy would do that', () => {
    const nowhere = { permits: () => false, refusal: () => 'no' };
    expect(destinationProblem(nowhere, new URL('http://a.example/'), false)).toBeUndefined();
    expect(destinationProblem(nowhere, new URL('http://a.example/'), true)).toBe('no');
    expect(destinationProblem(nowhere, new URL('http://8.8.8.8/'), false)).toBe('no');
  });
});
