/** What may stand in `[server]` and `[limits]`. */
import * as v from 'valibot';
import { addressRangeProblem } from '../support/net/address-ranges.ts';
import { allowedHostProblem, serverUrlProblem } from './addresses.ts';
import { addressRangePattern, allowedHostPattern, serverUrlPattern, tinySizePattern } from './patterns.ts';
import { address, expected, forEditors, integer, refuse, setting, table, text } from './schema-kit.ts';
import { duration, flag, size } from './schema-values.ts';

export const server = table({
  host: setting(
    v.pipe(text, v.regex(/^[A-Za-z0-9_.:-]+$/, 'expected a host name or address')),
    'Address to listen on',
    '127.0.0.1',
  ),
  port: setting(integer(0, 65_535), 'Port to listen on; 0 takes a free one', 8080),
  base_url: setting(
    address(serverUrlProblem, serverUrlPattern),
    'The address clients use, if it differs from host and port',
  ),
  allowed_hosts: setting(
    v.array(
      v.pipe(text, v.rawCheck(refuse(allowedHostProblem)), forEditors({ pattern: allowedHostPattern })),
      expected('a list of host names such as ["registry.example.com"]'),
    ),
    "Names that requests may have in `Host`, beside `base_url`'s and, on loopback, those of this machine; `*` for any. " +
      'Where it listens beyond loopback and neither this nor `base_url` is set, any is allowed',
    [],
  ),
  trusted_proxies: setting(
    v.array(
      v.pipe(text, v.rawCheck(refuse(addressRangeProblem)), forEditors({ pattern: addressRangePattern })),
      expected('a list of addresses or ranges such as ["127.0.0.1", "10.0.0.0/8"]'),
    ),
    'Proxies in front of the server, by address or range: what they say of a client in `X-Forwarded-For` and ' +
      '`X-Forwarded-Proto` counts, and nobody else is believed',
    [],
  ),
  max_connections: setting(
    integer(1, 1_000_000),
    'How many connections a server process keeps open at the same time',
    4096,
  ),
  upstream_fallback: setting(flag, 'Whether archives not cached yet are listed, and fetched on demand', true),
  refresh_interval: setting(duration, 'How old the index may get before it is refreshed', '60s'),
  scrub_interval: setting(
    duration,
    'How often all archives are read again, to find out what the disk has lost',
    '24h',
  ),
});

/** What one client, and all together, can cost a server process; see docs/operations.md. */
export const limits = table({
  request_target: setting(integer(256, 15_000), 'The longest address of a request, in characters', 8192),
  request_body: setting(size, 'The largest request body, sent and inflated', '1MiB'),
  request_bodies: setting(size, 'All request bodies in memory, the first 64 KiB of each aside', '64MiB'),
  git_processes: setting(integer(1, 256), 'How many git processes answer clients at once', 8),
  git_queue: setting(integer(0, 100_000), 'How many requests may wait for one of them', 256),
  git_timeout: setting(duration, 'How long git may take for an answer, or be silent', '120s'),
  git_answer: setting(
    v.pipe(size, forEditors({ not: { pattern: tinySizePattern } })),
    'The largest answer of git that is kept in memory for other clients',
    '16MiB',
  ),
  git_cache: setting(size, 'All answers of git that are kept in memory', '64MiB'),
  git_spool: setting(size, 'Larger answers of git, which are kept on the disk', '1GiB'),
  archive_cache: setting(size, 'Memory for archives that are asked for often', '32MiB'),
  first_byte_timeout: setting(
    duration,
    'How long a client waits for an archive that is being fetched; `moon` waits 30 s',
    '25s',
  ),
  headers_timeout: setting(duration, 'For the head of a request', '15s'),
  request_timeout: setting(duration, 'For a whole request, its body included', '60s'),
  keep_alive_timeout: setting(duration, 'How long an idle connection is kept', '65s'),
  stalled_timeout: setting(
    duration,
    'How long a client may take nothing of an answer, or wait for it',
    '120s',
  ),
});
