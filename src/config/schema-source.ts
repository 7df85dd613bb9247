/** What may stand in a `[[sources]]` table. */
import * as v from 'valibot';
import { defaultSourceKind, impliedPreset, sourceKindNames } from '../sources/kinds.ts';
import { namedDestinationProblem } from '../support/net/destination.ts';
import { baseUrlProblem, indexUrlProblem } from './addresses.ts';
import { defaultMaxConcurrency } from './max-concurrency.ts';
import {
  baseUrlPattern,
  destinationPattern,
  indexUrlPattern,
  mooncakesUrlPattern,
  packageUrlPattern,
} from './patterns.ts';
import { auth, indexBranch, tls, userAgent } from './schema-access.ts';
import {
  about,
  address,
  choice,
  expected,
  forEditors,
  integer,
  refuse,
  setting,
  table,
  text,
} from './schema-kit.ts';
import { duration, flag, patterns, size, sourceName, sourceReference } from './schema-values.ts';

const maxPriority = 1_000_000;

const destinations = v.array(
  v.pipe(text, v.rawCheck(refuse(namedDestinationProblem)), forEditors({ pattern: destinationPattern })),
  expected('a list of hosts or addresses such as ["files.example.com", "10.0.0.0/8"]'),
);

/** What reading one source may cost; see docs/operations.md, "What a source can cost". */
const sourceLimits = table({
  modules: setting(integer(1, 10_000_000), 'How many modules its index may list', 200_000),
  index_file: setting(size, 'The largest index file of one module', '1MiB'),
  index_lines: setting(integer(1, 1_000_000), 'How many lines the index file of one module may have', 10_000),
  index_bytes: setting(size, 'All its index files that are read in one sync', '512MiB'),
  fetch_bytes: setting(size, 'What one fetch of its index may bring', '256MiB'),
  fetch_time: setting(duration, 'How long one fetch of its index may take', '10m'),
  listing_bytes: setting(size, 'The list of all files of its index', '64MiB'),
  findings: setting(integer(1, 1_000_000), 'How many findings about it are kept', 1000),
  findings_per_file: setting(
    integer(1, 100_000),
    'How many findings about one of its index files are kept',
    20,
  ),
  archive: setting(size, 'The largest archive', '256MiB'),
  asset: setting(size, 'The largest prebuilt wasm asset', '256MiB'),
  disk_share: setting(
    integer(1, 100),
    'Percent of the free disk that what is on its way from it may take',
    25,
  ),
  waiting_requests: setting(
    integer(1, 100_000),
    'How many requests may wait for it while `max_concurrency` are under way',
    256,
  ),
});

const sourceTable = table({
  name: about(sourceName, 'What commands and reports call the source; recorded as the origin of its modules'),
  type: setting(
    choice(sourceKindNames),
    'What runs there; `mooncakes` implies the official addresses; `moonbit-registry`, another of these, supplies what it hosts, unless `include` says what else',
    defaultSourceKind,
  ),
  url: setting(address(baseUrlProblem, baseUrlPattern), 'Base address; archives are under it'),
  index_url: setting(address(indexUrlProblem, indexUrlPattern), 'The git repository that holds its index'),
  index_type: setting(choice(['git']), 'How the index is read', 'git'),
  index_branch: setting(
    indexBranch,
    "The branch that holds it, if not the one that the repository's HEAD names",
  ),
  user_agent: setting(
    userAgent,
    'What the source is told we are, if it wants to hear something else than our own name',
  ),
  enabled: setting(flag, 'Whether the source is ever contacted', true),
  priority: setting(
    integer(0, maxPriority),
    'Lower is tried first and trusted more; 50, or 100 for `mooncakes`, unless set',
  ),
  namespaces: setting(patterns, 'Names of which only this source says what they mean', []),
  include: setting(patterns, 'Limits what the source supplies to these names', []),
  exclude: setting(patterns, 'Names the source never supplies', []),
  holds_new_names: setting(
    choice(['claimed', 'all']),
    'Which new names of sources trusted less wait while it cannot be read; `claimed` where it has `namespaces`, ' +
      'else `all`, unless set',
  ),
  deleted_upstream: setting(
    choice(['keep', 'follow']),
    'What becomes of a version that the source deletes: `keep` goes on listing what is cached, `follow` does not',
    'keep',
  ),
  download_url: setting(address(baseUrlProblem, baseUrlPattern), 'Where archives are, if not under `url`'),
  package_url_pattern: setting(
    v.pipe(text, forEditors({ pattern: packageUrlPattern })),
    'Address of an archive, with `{module}` or `{owner}` and `{name}`, and `{version}`',
  ),
  allowed_redirects: setting(
    destinations,
    'Hosts, `HOST:PORT`, addresses or ranges that the source may redirect to although they are not public',
    [],
  ),
  max_concurrency: setting(
    integer(1, 256),
    'How many requests the source gets at the same time',
    defaultMaxConcurrency,
  ),
  max_requests_per_second: setting(
    integer(1, 10_000),
    'How many requests the source gets in a second; unlimited unless set',
  ),
  auth: v.optional(auth),
  tls: v.optional(tls),
  limits: v.optional(sourceLimits, {}),
  default_source: setting(sourceReference, 'Belongs at the top of the file; means the same there'),
});

/** Addresses may be missing of the official registry alone, which is the one that `type` implies. */
export const source = v.pipe(
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
