import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../config/load.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { Finding } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import type { ModuleChange } from '../../registry/decide/planned-change.ts';
import type { MirrorReport } from '../../registry/mirror/mirror-report.ts';
import type { Explanation } from '../../registry/sync/explain.ts';
import type { SyncReport } from '../../registry/sync/sync-report.ts';
import type { StatusReport } from '../../registry/upkeep/status.ts';
import { formatMirror, isComplete } from '../mirror-text.ts';
import { formatPlan } from '../plan-text.ts';
import { formatExplanation } from './explain.ts';
import { formatModules, formatOutdated } from './list.ts';
import { checkSelection } from './mirror.ts';
import { formatChecks } from './source-check.ts';
import { formatStatus } from './status.ts';

const moduleName = (text: string) => text as ModuleName;
const versions = (...texts: string[]) => texts as Version[];
const now = Date.UTC(2026, 0, 1, 12);

const conflict: Finding = {
  kind: 'checksum-conflict',
  module: 'maria/json_parser',
  version: '0.1.0' as Version,
  source: 'mooncakes',
  line: 1,
  pinned: 'a'.repeat(64) as Checksum,
  offered: 'b'.repeat(64) as Checksum,
  message: 'it states another checksum; the old line stays',
};
const droppedLine: Finding = {
  kind: 'dropped-line',
  module: 'a/b',
  source: 'partner',
  line: 3,
  message: 'it is not JSON',
};

const syncReport: SyncReport = {
  at: '2026-01-01T12:00:00.000Z',
  dryRun: false,
  sources: [{ source: 'mooncakes', outcome: 'fresh' }],
  changes: [],
  newlyHeld: [],
  heldBack: [],
  findings: [],
  views: [],
  modules: 887,
  commit: 'c'.repeat(40),
  reRooted: false,
};

describe('sync', () => {
  test('with nothing to do is one line', () => {
    expect(formatPlan(syncReport)).toBe('Serving 887 modules (unchanged) from 1 source.');
  });

  test('says what a view lacks', () => {
    const withheld = [{ module: 'company/log', neededBy: 'company/api' }];
    const views = [
      { name: 'partner', modules: 3, withheld },
      { name: 'open', modules: 3, withheld: [] },
    ];
    expect(formatPlan({ ...syncReport, views })).toBe(
      `Serving 887 modules (unchanged) from 1 source.
View "partner" does not show 1 module that its own need: company/log (company/api); builds that need one fail until it stands in "include" of the view`,
    );
  });

  test('says what changed, what waits for a decision and what could not be read', () => {
    const change = (kind: ModuleChange['kind'], more: Partial<ModuleChange> = {}): ModuleChange => ({
      module: moduleName(`a/${kind}`),
      kind,
      origin: 'partner',
      versionsAdded: [],
      versionsRemoved: [],
      ...more,
    });
    const text = formatPlan({
      ...syncReport,
      dryRun: true,
      sources: [
        { source: 'mooncakes', outcome: 'stale', detail: 'connection refused' },
        { source: 'partner', outcome: 'never-read', detail: 'HTTP 401' },
        { source: 'internal', outcome: 'held', detail: 'its index no longer lists 1 module' },
      ],
      changes: [
        change('added', { versionsAdded: versions('1.0.0', '1.1.0') }),
        change('moved', { previousOrigin: 'mooncakes' }),
        change('removed', { versionsRemoved: versions('1.0.0') }),
      ],
      findings: [droppedLine, conflict],
      reRooted: true,
    });
    expect(text).toBe(`Would serve 887 modules (1 added, 1 moved, 1 removed) from 3 sources.
  added a/added (partner)  + 1.0.0, 1.1.0
  moved a/moved (mooncakes -> partner)
  removed a/removed (partner)  - 1.0.0
2 sources could not be read:
  mooncakes: connection refused; its last good index stays in use
  partner: HTTP 401; it was never read before
1 source held at the last good index:
  internal: its index no longer lists 1 module
1 conflict, waiting for a decision (moonbit-registry conflicts):
  checksum-conflict maria/json_parser@0.1.0 (mooncakes, line 1): it states another checksum; the old line stays
1 defect in what "partner" lists: moonbit-registry status
The served history starts afresh: clients clone once more at their next update.`);
  });
});

describe('mirror', () => {
  const report: MirrorReport = {
    dryRun: false,
    refresh: [{ source: 'mooncakes', outcome: 'unchanged' }],
    sources: [
      {
        source: 'mooncakes',
        modules: 12,
        versions: 1234,
        downloaded: 1230,
        present: 3,
        failed: 1,
        bytes: 1536,
      },
      { source: 'partner', modules: 1, versions: 1, downloaded: 0, present: 1, failed: 0, bytes: 0 },
    ],
    decided: [],
    undecided: [],
    skipped: [],
    unmatched: [],
    toDownload: [],
    blocked: [],
    failed: [],
    unsatisfied: [],
    findings: [],
    heldBack: [],
  };

  const told = { defaultSource: 'mooncakes', durationMs: 0, width: undefined };

  test('ends with a table per source', () => {
    expect(formatMirror(report, { ...told, durationMs: 75_000 })).toBe(`Mirrored in 1 min 15 s:
  SOURCE     MODULES  VERSIONS  DOWNLOADED    BYTES  PRESENT  FAILED
  mooncakes       12     1,234       1,230  1.5 KiB        3       1
  partner          1         1           0      0 B        1       0`);
  });

  test('names what failed, what cannot be satisfied and what belongs to another source', () => {
    const text = formatMirror(
      {
        ...report,
        sources: [],
        failed: [
          { module: moduleName('a/b'), version: '1.0.0' as Version, source: 'mooncakes', reason: 'HTTP 500' },
        ],
        unsatisfied: [
          {
            module: 'x/y',
            requirement: '2.0.0',
            requiredBy: 'a/b@1.0.0',
            reason: 'no source lists it',
            kind: 'open',
          },
          {
            module: 'x/z',
            requirement: '*',
            requiredBy: 'a/b@1.0.0',
            reason: 'not a version',
            kind: 'impossible',
          },
        ],
        skipped: [
          {
            module: moduleName('company/tool'),
            origin: 'internal',
            kind: 'other-origin',
            reason: 'served from "internal"',
          },
        ],
        undecided: [
          {
            ...{ source: 'partner', owner: 'alice', versions: 7 },
            modules: [moduleName('alice/a'), moduleName('alice/$(b)')],
            requiredBy: [moduleName('partner-org/x')],
          },
          { source: 'partner', owner: 'bob', versions: 1, modules: [moduleName('bob/c')], requiredBy: [] },
        ],
      },
      { ...told, defaultSource: 'mooncakes' },
    );
    expect(text).toBe(`Nothing was downloaded in 0.0 s.

1 archive failed:
  a/b@1.0.0 (mooncakes): HTTP 500

1 dependency could not be had:
  x/y@2.0.0, required by a/b@1.0.0: no source lists it

1 dependency that nobody can have from here (a remark):
  x/z@*, required by a/b@1.0.0: not a version

1 module skipped:
  company/tool: served from "internal"

Not listed yet: 3 new names of alice, bob, since nobody has decided that they are "partner"'s own (8 archives taken as it lists them).
Until then moon cannot resolve what requires that: partner-org/x.
If they are:
  $ moonbit-registry mirror -s partner --strict alice/a 'alice/$(b)' bob/c`);
  });

  test('ends well without what nobody can have, unless the closure is required; not without what may yet be had', () => {
    const missing = (kind: 'impossible' | 'unlisted' | 'open') => ({
      ...report,
      unsatisfied: [{ module: 'x/y', requirement: '2.0.0', requiredBy: 'a/b@1.0.0', reason: '', kind }],
    });
    expect(
      (['impossible', 'unlisted', 'open'] as const).map((kind) => isComplete(missing(kind), false)),
    ).toEqual([true, true, false]);
    expect(
      (['impossible', 'unlisted', 'open'] as const).map((kind) => isComplete(missing(kind), true)),
    ).toEqual([false, false, false]);
  });

  test('refuses to guess, an unknown source and a disabled one', () => {
    const config = parseConfig(
      '[[sources]]\nname = "off"\nurl = "https://h"\nindex_url = "https://h/git"\nenabled = false\n',
      { directory: '/registry' },
    );
    expect(() => checkSelection({ patterns: [] }, config)).toThrow('nothing to mirror');
    expect(() => checkSelection({ patterns: ['*'], source: 'offf' }, config)).toThrow(
      'there is no source "offf"',
    );
    expect(() => checkSelection({ patterns: ['*'], source: 'off' }, config)).toThrow(
      'source "off" is disabled',
    );
  });
});

test('status shows counts, ages and which source fails', () => {
  const source = {
    isDefault: false,
    enabled: true,
    removed: false,
    priority: 50,
    readAt: new Date(now - 300_000).toISOString(),
    triedAt: undefined,
    isStale: false,
    isHeld: false,
    failure: undefined,
    failureClass: undefined,
    missingCredentials: undefined,
    failingSince: undefined,
    listed: 3,
    served: 3,
  };
  const report: StatusReport = {
    name: 'main',
    health: 'degraded',
    directory: '/srv/registry',
    commit: 'c'.repeat(40),
    modules: 890,
    upstreamFallback: false,
    sources: [
      { ...source, name: 'mooncakes', isDefault: true, priority: 100, listed: 887, served: 1887 },
      {
        ...source,
        name: 'partner',
        isStale: true,
        failure: 'connection refused',
        failingSince: '2026-01-01T00:00:00.000Z',
      },
      { ...source, name: 'held', isStale: true, isHeld: true, failure: 'its index went back' },
      { ...source, name: 'new', readAt: undefined, isStale: true },
      { ...source, name: 'off', enabled: false, failure: 'old' },
      { ...source, name: 'gone', removed: true },
    ],
    hosting: {
      namespaces: ['company/*'],
      modules: 2,
      staged: { count: 3, bytes: 900, since: new Date(now - 300_000).toISOString() },
    },
    views: [{ name: 'partner', modules: 3, withheld: [{ module: 'company/log', neededBy: 'company/api' }] }],
    findings: [conflict],
    heldBack: [],
    blocks: [],
    archives: { count: 6548, bytes: 5 * 1024 ** 2 },
    indexBytes: 2048,
  };
  expect(formatStatus(report, now)).toBe(`Registry "main" in /srv/registry
  Health:    degraded: not current: partner, held, new
  Serving:   890 modules at cccccccccccc
  Archives:  6,548, 5.0 MiB
  Index:     2.0 KiB
  Fallback:  off (only cached archives are listed)
  Hosting:   2 modules; company/*
  Waiting:   3 versions for approval, the first came 5 minutes ago (moonbit-registry staged list)
  View partner: 3 modules; not shown, though they need it: company/log (company/api)

  SOURCE               PRIORITY  LISTED  SERVED  STATE
  mooncakes (default)       100     887   1,887  read 5 minutes ago
  partner                    50       3       3  STALE, read 5 minutes ago
  held                       50       3       3  HELD, read 5 minutes ago
  new                        50       3       3  never read
  off                        50       3       3  disabled, read 5 minutes ago
  gone                       50       3       3  removed; what is cached stays served
  partner: connection refused (since 2026-01-01T00:00:00.000Z)
  held: its index went back

1 conflict, waiting for a decision (moonbit-registry conflicts):
  checksum-conflict maria/json_parser@0.1.0 (mooncakes, line 1): it states another checksum; the old line stays`);
});

test('explain gives the verdict first, then each source, then pin, cache and findings', () => {
  const checksum = 'ab'.repeat(32) as Checksum;
  const source = { isStale: false, versions: [], checksum: undefined };
  const explanation: Explanation = {
    module: moduleName('company/tool'),
    version: '1.4.0' as Version,
    isServed: true,
    origin: 'internal',
    rule: 'namespace',
    because: '"internal" claims company/*',
    decidedBy: 'ann',
    sources: [
      {
        ...source,
        source: 'internal',
        priority: 25,
        listing: 'listed',
        isStale: true,
        versions: versions('1.3.0', '1.4.0'),
        checksum,
      },
      {
        ...source,
        source: 'mooncakes',
        priority: 100,
        listing: 'claimed-elsewhere',
        versions: versions('99.0.0'),
      },
    ],
    pin: { checksum, firstSeen: '2026-01-01T00:00:00.000Z', source: 'internal' },
    isCached: false,
    versions: versions('1.3.0', '1.4.0'),
    blocks: [],
    findings: [],
    heldBack: undefined,
    published: undefined,
    adopted: undefined,
    yanked: undefined,
  };
  expect(formatExplanation(explanation)).toBe(`company/tool@1.4.0 is served from "internal".
  "internal" claims company/*
  Rule: namespace
  Decided by: ann

  SOURCE     PRIORITY  ANSWER                                                      CHECKSUM
  internal         25  lists it: 1.3.0, 1.4.0 (stale)                              abababababababab
  mooncakes       100  may not supply it (another source claims the name): 99.0.0

Served versions: 1.3.0, 1.4.0
Pinned: ${checksum} since 2026-01-01T00:00:00.000Z from "internal"
Archive: not cached`);
  const unserved = formatExplanation({ ...explanation, version: '99.0.0' as Version, isServed: false });
  expect(unserved.split('\n')[0]).toBe(
    'company/tool@99.0.0 is not served (company/tool comes from "internal", which does not have that version).',
  );
  expect(
    formatExplanation({
      ...explanation,
      isServed: false,
      origin: undefined,
      sources: [],
      findings: [conflict],
    }),
  ).toMatch(/^company\/tool@1\.4\.0 is not served\.\n[\s\S]*No source is configured[\s\S]*1 conflict/);
});

test('source check shows each step and where it stopped', () => {
  const text = formatChecks(
    [
      {
        source: 'mooncakes',
        ok: true,
        steps: [{ step: 'reach', ok: true, detail: 'answers in 72 ms' }],
        modules: 887,
        changedAt: new Date(now - 3 * 3_600_000).toISOString(),
        latencyMs: 71.6,
      },
      {
        source: 'partner',
        ok: false,
        steps: [{ step: 'reach', ok: false, detail: 'connection refused' }],
        modules: undefined,
        changedAt: undefined,
        latencyMs: undefined,
      },
    ],
    now,
  );
  expect(text).toBe(`mooncakes: ok (887 modules, changed 3 hours ago, 72 ms)
  ok     reach: answers in 72 ms

partner: FAILED
  FAILED reach: connection refused`);
});

describe('list', () => {
  const listed = { module: moduleName('a/b'), latest: '1.10.0' as Version, versions: 1234, cached: 2 };

  test('is a table, or one line where there is nothing', () => {
    expect(formatModules([{ ...listed, origin: 'partner' }], { cached: false, width: undefined })).toBe(
      '  MODULE  LATEST  VERSIONS  CACHED  ORIGIN\n  a/b     1.10.0     1,234       2  partner',
    );
    expect(formatModules([], { cached: false, width: undefined })).toBe('Nothing is served yet.');
    expect(formatModules([], { cached: true, width: undefined })).toBe('No archive is cached yet.');
  });

  test('of what is outdated says how much was looked at, and what cannot be met', () => {
    const [wanted = '' as Version, selected = wanted, latest = wanted] = versions('1.0.0', '1.1.0', '2.0.0');
    const report = {
      project: '/app/moon.mod.json',
      requirements: 2,
      outdated: [{ module: moduleName('a/b'), wanted, selected, latest, origin: 'partner' }],
      unsatisfied: [{ module: 'c/d', wanted: '9.0.0', reason: 'is not served' }],
    };
    expect(
      formatOutdated(report, undefined),
    ).toBe(`Of 2 requirements of /app/moon.mod.json, something newer than moon builds with is served for 1:
  MODULE  WANTED  SELECTED  LATEST  ORIGIN
  a/b     1.0.0   1.1.0     2.0.0   partner
1 requirement cannot be met:
  c/d (wanted: 9.0.0) is not served`);
    const current = { ...report, outdated: [] };
    expect(formatOutdated({ ...current, unsatisfied: [] }, undefined)).toBe(
      'Of 2 requirements of /app/moon.mod.json, moon already builds with the newest that is served of each.',
    );
    expect(formatOutdated(current, undefined)).toMatch(
      /^Of 2 requirements of .*, moon already builds with the newest that is served of the 1 that can be met\.\n1 requirement cannot be met:/,
    );
    expect(formatOutdated({ ...current, requirements: 1 }, undefined)).toMatch(
      /, nothing that is served meets one\.\n1 requirement cannot/,
    );
    expect(formatOutdated({ ...current, requirements: 0, unsatisfied: [] }, undefined)).toMatch(
      /^Of 0 requirements of .*, there is nothing to compare\.$/,
    );
  });
});
