import { expect, test } from 'vitest';
import { readGitTrouble } from './git-trouble.ts';

const hungUp = 'fatal: the remote end hung up unexpectedly\n';

test.each([
  [`error: RPC failed; curl 28 Operation too slow. Less than 1 bytes/sec\n${hungUp}`, { reason: 'timeout' }],
  [`error: RPC failed; curl 52 Empty reply from server\n${hungUp}`, { reason: 'connection' }],
  [
    'fatal: early EOF\nerror: RPC failed; curl 18 transfer closed with outstanding read data remaining\n',
    { reason: 'connection' },
  ],
  ['error: RPC failed; curl 60 SSL certificate problem\n', { reason: 'tls' }],
  [
    'error: RPC failed; HTTP 503 curl 22 The requested URL returned error: 503\n',
    { reason: 'server-error', status: 503 },
  ],
  ['error: RPC failed; HTTP 429 curl 22 …\n', { reason: 'rate-limited', status: 429 }],
  ['error: RPC failed; HTTP 403 curl 22 …\n', { reason: 'unauthorized', status: 403 }],
  [
    'error: The requested URL returned error: 502 (curl_result = 22, http_code = 502, sha1 = ab)\n',
    { reason: 'server-error', status: 502 },
  ],
  ['error: x (curl_result = 28, http_code = 200, sha1 = ab)\n', { reason: 'timeout' }],
  ["fatal: unable to access 'http://h/x/': Empty reply from server\n", { reason: 'connection' }],
  [
    "fatal: unable to access 'http://h/x/': The requested URL returned error: 500\n",
    { reason: 'server-error', status: 500 },
  ],
])('%j is trouble of its own kind', (stderr, trouble) => {
  expect(readGitTrouble(stderr)).toEqual(trouble);
});

test.each([
  'error: RPC failed; HTTP 404 curl 22 The requested URL returned error: 404\n',
  `fatal: expected shallow/unshallow, got NAK\n${hungUp}`,
  "fatal: repository 'http://h/x/' not found\n",
  'fatal: protocol error: bad pack header\n',
  '',
])('%j is an answer', (stderr) => {
  expect(readGitTrouble(stderr)).toBeUndefined();
});
