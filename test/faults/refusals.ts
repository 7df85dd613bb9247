import { gzipSync } from 'node:zlib';
import { get, packets, post } from './client-world.ts';

export const version2 = 'Git-Protocol: version=2';
export const ids = (count: number, word: string) =>
  Array.from({ length: count }, (_, i) => `${word} ${i.toString(16).padStart(40, '0')}`);

/** What it sends → what it gets: a status, or 'closed' without an answer. */
export const refusals: Record<string, readonly [bytes: string | Buffer, ...answers: (number | 'closed')[]]> =
  {
    'no HTTP': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n', 400],
    'HTTP/2 without asking': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'closed'],
    'HTTP/9.9': ['GET / HTTP/9.9\r\nHost: localhost\r\n\r\n', 400],
    'no Host': ['GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    'an oversized header': [get('/', `X: ${'x'.repeat(17_000)}\r\n`), 431],
    'too many headers': [get('/', `Connection: close\r\n${'a: b\r\n'.repeat(200)}`), 431],
    'an oversized target': [get(`/${'x'.repeat(9000)}`), 414],
    'a target of 17 KB': [get(`/${'x'.repeat(17_000)}`), 431],
    'a target without a path': ['OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 400],
    'a tunnel': ['CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    'a method that no route has': [
      'DELETE /user/alice/json/1.0.0.zip HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      405,
    ],
    'a method that nobody knows': ['STEAL / HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    'NUL in a target': ['GET /user/a\0b/c/1.0.0.zip HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    'an encoded NUL': [get('/user/alice%00/json/1.0.0.zip'), 400],
    'malformed percent-encoding': [get('/user/alice%2/js%zzon/1.0.0.zip'), 400],
    'overlong UTF-8': [get('/user/%C0%AE%C0%AE/%C0%AFjson/1.0.0.zip'), 400],
    'a surrogate in UTF-8': [get('/user/%ED%A0%80/json/1.0.0.zip'), 400],
    'double encoding': [get('/user/alice%252Fjson%252F1.0.0.zip'), 400],
    'parent folders': [get('/user/../../../etc/passwd.zip'), 400],
    'encoded parent folders': [get('/user/%2e%2e/%2e%2e/registry.toml/1.0.0.zip'), 400],
    backslashes: [get('/user/..%5c..%5cetc/1.0.0.zip'), 400],
    'bytes that are no UTF-8 in a search for a user': [get('/api/v0/user/%ff'), 400],
    'Content-Length and Transfer-Encoding': [
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x',
      400,
    ],
    'two different Content-Lengths': [
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
      400,
    ],
    'a negative Content-Length': ['POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n', 400],
    'an obscured Transfer-Encoding': [
      'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    'a space before the colon': ['GET / HTTP/1.1\r\nHost : x\r\n\r\n', 400],
    'a folded header': [
      'GET / HTTP/1.1\r\nHost: localhost\r\nX: a\r\n\tb: c\r\nConnection: close\r\n\r\n',
      400,
      200,
    ],
    'bare LF': ['GET / HTTP/1.1\nHost: localhost\n\n', 400],
    'a bare CR in a header': ['GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n', 400],
    'a chunk size that is none': [
      'POST /git/index/git-upload-pack HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n' +
        'Content-Type: application/x-git-upload-pack-request\r\n\r\nzz\r\n',
      400,
    ],
    'a body of a size that is refused': [post(Buffer.alloc(2 * 1024 * 1024)), 413],
    'a gzip bomb': [post(gzipSync(Buffer.alloc(200 * 1024 * 1024)), ['Content-Encoding: gzip']), 413],
    'a gzip bomb in a bomb': [
      post(gzipSync(gzipSync(Buffer.alloc(50 * 1024 * 1024))), ['Content-Encoding: gzip, gzip']),
      415,
    ],
    'gzip that is none': [post(Buffer.from('hello'), ['Content-Encoding: gzip']), 400],
    'cut gzip': [post(gzipSync(Buffer.alloc(9000)).subarray(0, 20), ['Content-Encoding: gzip']), 400],
    'a body that is no git request': [post(Buffer.from('hello')), 400],
    'another content type': [
      'POST /git/index/git-upload-pack HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
      415,
    ],
    'a packet length that lies': [post(Buffer.from('fff0want')), 400],
    'thousands of wants': [
      post(packets('command=fetch', '|', ...ids(5000, 'want'), 'done', '.'), [version2]),
      403,
    ],
    'wants of what is not served': [
      post(packets('command=fetch', '|', ...ids(256, 'want'), 'done', '.'), [version2]),
      403,
    ],
    'more lines than any client sends': [
      post(packets('command=fetch', '|', ...ids(20_001, 'have'), '.'), [version2]),
      400,
      413,
    ],
    'a push': [
      'POST /git/index/git-receive-pack HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      403,
    ],
  };
