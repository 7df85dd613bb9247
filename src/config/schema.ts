/**
 * The shape of `registry.toml`: the one definition behind validation, the JSON Schema, `config KEY VALUE` and the
 * README's table. It knows single values; what must hold between them is in `rules.ts`. `forEditors` adds what the JSON
 * Schema can say of a rule that is code.
 */

import * as v from 'valibot';
import { anySource, mirrorPatternProblem } from '../model/mirror-target.ts';
import { patternProblem } from '../model/pattern.ts';
import { defaultSourceKind, impliedPreset, sourceKindNames } from '../sources/kinds.ts';
import { addressRangeProblem } from '../support/net/address-ranges.ts';
import { namedDestinationProblem } from '../support/net/destination.ts';
import { allowedHostProblem, baseUrlProblem, indexUrlProblem, serverUrlProblem } from './addresses.ts';
import { durationForm, durationRangeProblem } from './duration.ts';
import { defaultMaxConcurrency } from './max-concurrency.ts';
import {
  addressRangePattern,
  allowedHostPattern,
  baseUrlPattern,
  destinationPattern,
  durationPattern,
  indexUrlPattern,
  labelPattern,
  mirrorPattern,
  modulePattern,
  mooncakesUrlPattern,
  packageUrlPattern,
  serverUrlPattern,
  sizePattern,
  tinySizePattern,
} from './patterns.ts';
import { auth, indexBranch, tls, userAgent } from './schema-access.ts';
import {
  about,
  address,
  choice,
  expected,
  forEditors,
  integer,
  path,
  prefixed,
  refuse,
  text,
} from './schema-kit.ts';
import { sizeForm, sizeRangeProblem } from './size.ts';
import { sourcesProblem } from './source-tables.ts';

const maxPriority = 1_000_000;

const flag = v.boolean(expected('true or false'));

const label = v.pipe(
  text,
  v.rawCheck(
    refuse((value) => {
      if (value.trim() === '' || value.length > 100) return 'expected 1 to 100 characters';
      return /[\u0000-\u001f\u007f-\u009f]/.test(value) ? 'expected no control characters' : undefined;
    }),
  ),
  forEditors({ pattern: labelPattern }),
);

const sourceNameForm = /^(?!hosted$)(?!.*\.\.)(?!.*(?:\.lock|\.)$)[a-z0-9][a-z0-9._-]{0,63}$/;
const sourceName = v.pipe(
  text,
  v.regex(
    sourceNameForm,
    'expected a name of at most 64 lowercase letters, digits, ".", "_" and "-", beginning with a letter or digit, ' +
      'without "..", not ending in "." or ".lock", and not "hosted"',
  ),
);

const patterns = v.array(
  v.pipe(
    text,
    v.rawCheck(refuse((value) => prefixed('expected a pattern such as "owner/*": ', patternProblem(value)))),
    forEditors({ pattern: modulePattern }),
  ),
  expected('a list of patterns such as ["owner/*"]'),
);

const destinations = v.array(
  v.pipe(text, v.rawCheck(refuse(namedDestinationProblem)), forEditors({ pattern: destinationPattern })),
  expected('a list of hosts or addresses such as ["files.example.com", "10.0.0.0/8"]'),
);

const duration = v.pipe(
  v.string(expected(durationForm)),
  v.regex(/^\d{1,10}(ms|s|m|h|d)$/, expected(durationForm)),
  v.rawCheck(refuse(durationRangeProblem)),
  v.metadata({ valueType: 'duration' }),
  forEditors({ allOf: [{ pattern: durationPattern }] }),
);

const size = v.pipe(
  v.string(expected(sizeForm)),
  v.regex(/^\d{1,7}(B|KiB|MiB|GiB)$/, expected(sizeForm)),
  v.rawCheck(refuse(sizeRangeProblem)),
  v.metadata({ valueType: 'size' }),
  forEditors({ allOf: [{ pattern: sizePattern }] }),
);

/** A part of a disk: also nothing, or much. */
const room = v.pipe(
  v.string(expected(sizeForm)),
  v.regex(/^\d{1,7}(B|KiB|MiB|GiB)$/, expected(sizeForm)),
  v.metadata({ valueType: 'size' }),
);

/** The name of a source that is there; which ones are, the JSON Schema cannot say. */
const sourceReference = v.pipe(text, forEditors({ pattern: sourceNameForm.source }));

/** What reading one source may cost; see docs/operations.md, "What a source can cost". */
const sourceLimits = v.strictObject(
  {
    modules: v.optional(about(integer(1, 10_000_000), 'How many modules its index may list'), 200_000),
    index_file: v.optional(about(size, 'The largest index file of one module'), '1MiB'),
    index_lines: v.optional(
      about(integer(1, 1_000_000), 'How many lines the index file of one module may have'),
      10_000,
    ),
    index_bytes: v.optional(about(size, 'All its index files that are read in one sync'), '512MiB'),
    fetch_bytes: v.optional(about(size, 'What one fetch of its index may bring'), '256MiB'),
    fetch_time: v.optional(about(duration, 'How long one fetch of its index may take'), '10m'),
    listing_bytes: v.optional(about(size, 'The list of all files of its index'), '64MiB'),
    findings: v.optional(about(integer(1, 1_000_000), 'How many findings about it are kept'), 1000),
    findings_per_file: v.optional(
      about(integer(1, 100_000), 'How many findings about one of its index files are kept'),
      20,
    ),
    archive: v.optional(about(size, 'The largest archive'), '256MiB'),
    asset: v.optional(about(size, 'The largest prebuilt wasm asset'), '256MiB'),
    disk_share: v.optional(
      about(integer(1, 100), 'Percent of the free disk that what is on its way from it may take'),
      25,
    ),
    waiting_requests: v.optional(
      about(integer(1, 100_000), 'How many requests may wait for it while `max_concurrency` are under way'),
      256,
    ),
  },
  expected('a table'),
);

const sourceTable = v.strictObject(
  {
    name: about(
      sourceName,
      'What commands and reports call the source; recorded as the origin of its modules',
    ),
    type: v.optional(
      about(choice(sourceKindNames), 'What runs there; `mooncakes` implies the official addresses'),
      defaultSourceKind,
    ),
    url: v.optional(about(address(baseUrlProblem, baseUrlPattern), 'Base address; archives are under it')),
    index_url: v.optional(
      about(address(indexUrlProblem, indexUrlPattern), 'The git repository that holds its index'),
    ),
    index_type: v.optional(about(choice(['git']), 'How the index is read'), 'git'),
    index_branch: v.optional(
      about(indexBranch, "The branch that holds it, if not the one that the repository's HEAD names"),
    ),
    user_agent: v.optional(
      about(
        userAgent,
        'What the source is told we are, if it wants to hear something else than our own name',
      ),
    ),
    enabled: v.optional(about(flag, 'Whether the source is ever contacted'), true),
    priority: v.optional(
      about(
        integer(0, maxPriority),
        'Lower is tried first and trusted more; 50, or 100 for `mooncakes`, unless set',
      ),
    ),
    namespaces: v.optional(about(patterns, 'Names of which only this source says what they mean'), []),
    include: v.optional(about(patterns, 'Limits what the source supplies to these names'), []),
    exclude: v.optional(about(patterns, 'Names the source never supplies'), []),
    holds_new_names: v.optional(
      about(
        choice(['claimed', 'all']),
        'Which new names of sources trusted less wait while it cannot be read; `claimed` where it has `namespaces`, ' +
          'else `all`, unless set',
      ),
    ),
    deleted_upstream: v.optional(
      about(
        choice(['keep', 'follow']),
        'What becomes of a version that the source deletes: `keep` goes on listing what is cached, `follow` does not',
      ),
      'keep',
    ),
    download_url: v.optional(
      about(address(baseUrlProblem, baseUrlPattern), 'Where archives are, if not under `url`'),
    ),
    package_url_pattern: v.optional(
      about(
        v.pipe(text, forEditors({ pattern: packageUrlPattern })),
        'Address of an archive, with `{module}` or `{owner}` and `{name}`, and `{version}`',
      ),
    ),
    allowed_redirects: v.optional(
      about(
        destinations,
        'Hosts, `HOST:PORT`, addresses or ranges that the source may redirect to although they are not public',
      ),
      [],
    ),
    max_concurrency: v.optional(
      about(integer(1, 256), 'How many requests the source gets at the same time'),
      defaultMaxConcurrency,
    ),
    max_requests_per_second: v.optional(
      about(integer(1, 10_000), 'How many requests the source gets in a second; unlimited unless set'),
    ),
    auth: v.optional(auth),
    tls: v.optional(tls),
    limits: v.optional(sourceLimits, {}),
    default_source: v.optional(
      about(sourceReference, 'Belongs at the top of the file; means the same there'),
    ),
  },
  expected('a table'),
);

/** Addresses may be missing of the official registry alone, which is the one that `type` implies. */
const source = v.pipe(
  sourceTable,
  forEditors({
    if: {
      properties: {
        type: { const: impliedPreset.type },
        url: { type: 'string', pattern: mooncakesUrlPattern },
      },
      required: ['type'],
    },
    else: { properties: { url: true, index_url: true }, required: ['url', 'index_url'] },
  }),
);

const registry = v.strictObject(
  {
    name: v.optional(about(label, "The registry's name; the folder's unless set")),
    data_dir: v.optional(about(path, 'Where the index and archives are kept, relative to this file'), 'data'),
    cache_reserve: v.optional(
      about(
        room,
        'What of the disk is kept free for the index: beyond it archives are fetched, but not cached; `0B` to use all. ' +
          '5 % of the disk and 2 GiB at least, unless set, so smaller disks need it',
      ),
    ),
  },
  expected('a table'),
);

const mirrored = v.pipe(
  text,
  v.rawCheck(
    refuse((value) => prefixed('expected a pattern such as "owner/*": ', mirrorPatternProblem(value))),
  ),
  forEditors({ pattern: mirrorPattern }),
);

const mirrorTargets = v.pipe(
  v.array(
    v.union(
      [
        mirrored,
        v.strictObject({
          source: v.union([sourceName, v.literal(anySource)], expected('the name of a source, or "*"')),
          pattern: mirrored,
        }),
      ],
      expected('a pattern such as "owner/*", or { source = "partner", pattern = "owner/*" }'),
    ),
    expected('a list of patterns such as ["owner/*"]'),
  ),
  v.metadata({ valueType: 'list of patterns' }),
);

const mirror = v.strictObject(
  {
    packages: v.optional(
      about(
        mirrorTargets,
        'What `mirror` without patterns, and `auto_sync`, take: patterns or `OWNER/NAME@VERSION` of the default source, or ' +
          '`{ source = "NAME", pattern = "owner/*" }`, with `"*"` for whichever source supplies a module',
      ),
      [],
    ),
    auto_sync: v.optional(about(flag, 'Whether the server mirrors `packages` by itself'), false),
    sync_interval: v.optional(about(duration, 'How often it does'), '1h'),
  },
  expected('a table'),
);

const server = v.strictObject(
  {
    host: v.optional(
      about(
        v.pipe(text, v.regex(/^[A-Za-z0-9_.:-]+$/, 'expected a host name or address')),
        'Address to listen on',
      ),
      '127.0.0.1',
    ),
    port: v.optional(about(integer(0, 65_535), 'Port to listen on; 0 takes a free one'), 8080),
    base_url: v.optional(
      about(
        address(serverUrlProblem, serverUrlPattern),
        'The address clients use, if it differs from host and port',
      ),
    ),
    allowed_hosts: v.optional(
      about(
        v.array(
          v.pipe(text, v.rawCheck(refuse(allowedHostProblem)), forEditors({ pattern: allowedHostPattern })),
          expected('a list of host names such as ["registry.example.com"]'),
        ),
        "Names that requests may have in `Host`, beside `base_url`'s and, on loopback, those of this machine; `*` for any. " +
          'Where it listens beyond loopback and neither this nor `base_url` is set, any is allowed',
      ),
      [],
    ),
    trusted_proxies: v.optional(
      about(
        v.array(
          v.pipe(text, v.rawCheck(refuse(addressRangeProblem)), forEditors({ pattern: addressRangePattern })),
          expected('a list of addresses or ranges such as ["127.0.0.1", "10.0.0.0/8"]'),
        ),
        'Proxies in front of the server, by address or range: what they say of a client in `X-Forwarded-For` and ' +
          '`X-Forwarded-Proto` counts, and nobody else is believed',
      ),
      [],
    ),
    max_connections: v.optional(
      about(integer(1, 1_000_000), 'How many connections a server process keeps open at the same time'),
      4096,
    ),
    upstream_fallback: v.optional(
      about(flag, 'Whether archives not cached yet are listed, and fetched on demand'),
      true,
    ),
    refresh_interval: v.optional(about(duration, 'How old the index may get before it is refreshed'), '60s'),
    scrub_interval: v.optional(
      about(duration, 'How often all archives are read again, to find out what the disk has lost'),
      '24h',
    ),
  },
  expected('a table'),
);

/** What one client, and all together, can cost a server process; see docs/operations.md. */
const limits = v.strictObject(
  {
    request_target: v.optional(
      about(integer(256, 15_000), 'The longest address of a request, in characters'),
      8192,
    ),
    request_body: v.optional(about(size, 'The largest request body, sent and inflated'), '1MiB'),
    request_bodies: v.optional(
      about(size, 'All request bodies in memory, the first 64 KiB of each aside'),
      '64MiB',
    ),
    git_processes: v.optional(about(integer(1, 256), 'How many git processes answer clients at once'), 8),
    git_queue: v.optional(about(integer(0, 100_000), 'How many requests may wait for one of them'), 256),
    git_timeout: v.optional(about(duration, 'How long git may take for an answer, or be silent'), '120s'),
    git_answer: v.optional(
      about(
        v.pipe(size, forEditors({ not: { pattern: tinySizePattern } })),
        'The largest answer of git that is kept in memory for other clients',
      ),
      '16MiB',
    ),
    git_cache: v.optional(about(size, 'All answers of git that are kept in memory'), '64MiB'),
    git_spool: v.optional(about(size, 'Larger answers of git, which are kept on the disk'), '1GiB'),
    archive_cache: v.optional(about(size, 'Memory for archives that are asked for often'), '32MiB'),
    first_byte_timeout: v.optional(
      about(duration, 'How long a client waits for an archive that is being fetched; `moon` waits 30 s'),
      '25s',
    ),
    headers_timeout: v.optional(about(duration, 'For the head of a request'), '15s'),
    request_timeout: v.optional(about(duration, 'For a whole request, its body included'), '60s'),
    keep_alive_timeout: v.optional(about(duration, 'How long an idle connection is kept'), '65s'),
    stalled_timeout: v.optional(
      about(duration, 'How long a client may take nothing of an answer, or wait for it'),
      '120s',
    ),
  },
  expected('a table'),
);

const configTable = v.strictObject(
  {
    default_source: v.optional(
      about(sourceReference, 'The source `mirror` reads unless told otherwise; the first one unless set'),
    ),
    registry: v.optional(registry, {}),
    sources: v.optional(
      v.array(source, ({ input }) => sourcesProblem(input)),
      [],
    ),
    mirror: v.optional(mirror, {}),
    server: v.optional(server, {}),
    limits: v.optional(limits, {}),
  },
  expected('a table'),
);

/** Without sources, the default one is the implied one. */
export const configSchema = v.pipe(
  configTable,
  forEditors({
    if: { properties: { sources: { type: 'array', maxItems: 0 } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { default_source: { const: impliedPreset.name } } },
  }),
);

/** As a source has them that sets none. */
export function defaultLimitsOfSource(): SourceEntry['limits'] {
  return v.parse(sourceLimits, {});
}

/** A valid file, with defaults filled in. */
export type ConfigFile = v.InferOutput<typeof configSchema>;
export type SourceEntry = ConfigFile['sources'][number];
