/**
 * What `--json` prints, command by command: the one description from which the tables of docs/json.md are written
 * (`node scripts/json.mjs`) and against which `test/json-shapes.test.ts` holds what commands print. Strict: a key that is not here fails.
 */
import * as v from 'valibot';

const text = v.string();
const number = v.number();
const flag = v.boolean();
const texts = v.array(text);
const maybe = v.optional(text);
const checksum = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/), v.description('checksum'));
const time = v.pipe(v.string(), v.isoTimestamp(), v.description('time'));

/** A shape that several commands share: it has a table of its own. */
function named<const T extends v.ObjectEntries>(title: string, entries: T) {
  return v.pipe(v.strictObject(entries), v.title(title));
}

const failureClass = v.picklist([
  ...['timeout', 'connection', 'tls', 'unauthorized', 'rate-limited', 'server-error', 'bad-answer'],
  ...[
    'wrong-bytes',
    'unforeseen',
    'overloaded',
    'disabled',
    'not-current',
    'held',
    'stale-upstream',
    'not-read',
  ],
] as const);

const requirementsChange = v.strictObject({ pinned: text, offered: text });

const pinChange = named('PinChange', {
  version: text,
  pinned: checksum,
  offered: checksum,
  requirements: v.optional(requirementsChange),
});

const findingEntries = {
  kind: v.picklist([
    ...['checksum-conflict', 'requirements-conflict', 'origin-conflict', 'look-alike', 'dropped-line'],
    ...['broken-file', 'refused-name', 'selection-changed', 'unplanned', 'more'],
  ] as const),
  module: text,
  version: maybe,
  source: text,
  message: text,
  line: v.optional(number),
  origin: maybe,
  pinned: v.optional(checksum),
  offered: v.optional(checksum),
  requirements: v.optional(requirementsChange),
  changes: v.optional(v.array(pinChange)),
  count: v.optional(number),
  modules: v.optional(texts),
  untold: v.optional(v.array(v.tuple([text, number]))),
  foundAt: v.optional(time),
  kept: v.optional(v.strictObject({ at: time, by: text })),
};
const finding = named('Finding', findingEntries);

const pin = v.strictObject({ checksum, firstSeen: text, source: text });
const conflict = named('Conflict', { ...findingEntries, pin: v.optional(pin) });

const block = named('Block', {
  ...{ module: text, version: maybe, reason: text, at: time, by: text },
  isWithdrawn: v.optional(flag),
});

const heldBack = named('HeldBack', {
  kind: v.picklist(['new', 'claimed']),
  names: number,
  owners: v.array(v.strictObject({ owner: text, names: number })),
  examples: texts,
  waitsFor: v.array(v.strictObject({ source: text, failureClass, failure: text, claims: flag })),
  since: text,
});

const sourceRefresh = named('SourceRefresh', {
  source: text,
  outcome: v.picklist(['fresh', 'unchanged', 'held', 'stale', 'never-read']),
  detail: maybe,
  reason: v.optional(failureClass),
  commit: maybe,
  heldCommit: maybe,
  isStaleUpstream: v.optional(flag),
});

const moduleChange = named('ModuleChange', {
  module: text,
  kind: v.picklist(['added', 'changed', 'moved', 'removed']),
  origin: text,
  previousOrigin: maybe,
  versionsAdded: texts,
  versionsRemoved: texts,
});

const reportedViews = v.array(
  v.strictObject({
    ...{ name: text, modules: number },
    withheld: v.array(v.strictObject({ module: text, neededBy: text })),
  }),
);

const syncEntries = {
  at: time,
  dryRun: flag,
  sources: v.array(sourceRefresh),
  changes: v.array(moduleChange),
  findings: v.array(finding),
  newlyHeld: v.array(v.strictObject({ module: text, waitsFor: texts })),
  heldBack: v.array(heldBack),
  views: reportedViews,
  modules: number,
  commit: text,
  reRooted: flag,
};
const syncReport = named('SyncReport', syncEntries);
const served = v.optional(syncReport);

const sourceLook = named('SourceLook', {
  source: text,
  listing: v.optional(
    v.strictObject({
      modules: number,
      owners: number,
      comparedWith: texts,
      shared: v.array(v.strictObject({ supplier: maybe, modules: number })),
      ownOwners: v.array(v.strictObject({ owner: text, modules: number })),
    }),
  ),
  failure: v.optional(v.strictObject({ class: failureClass, text })),
  archive: v.optional(
    v.strictObject({
      name: text,
      problem: v.optional(v.strictObject({ class: v.optional(failureClass), text })),
    }),
  ),
  holdsBack: v.strictObject({ names: v.picklist(['all', 'claimed']), of: texts }),
  ready: number,
  heldBack: v.array(heldBack),
});

const decision = named('Decision', {
  module: text,
  at: time,
  by: text,
  action: v.picklist([
    ...[
      'keep',
      'accept-version',
      'accept-requirements',
      'accept-name',
      'accept-origin',
      'block',
      'unblock',
      'withdraw',
    ],
  ] as const),
  version: maybe,
  from: maybe,
  to: maybe,
  requirements: maybe,
  source: maybe,
  pattern: maybe,
  reason: maybe,
  finding: v.optional(finding),
});
const ruled = v.strictObject({
  decisions: v.array(decision),
  skipped: v.array(v.strictObject({ module: text, reason: text })),
  report: syncReport,
  purge: texts,
});

const names = v.optional(texts);
const token = named('Token', {
  name: text,
  owner: text,
  grants: v.strictObject({ read: names, publish: names, yank: names, admin: names }),
  views: names,
  createdAt: time,
  createdBy: text,
  expiresAt: v.optional(time),
  revokedAt: v.optional(time),
  only: v.optional(v.strictObject({ module: text, version: text, checksum: v.optional(checksum) })),
  cidr: names,
  login: v.optional(v.strictObject({ entry: text, claims: v.record(text, text) })),
  standing: v.picklist(['valid', 'expired', 'revoked']),
  formerUntil: v.optional(time),
  lastUsed: maybe,
});
const issued = v.strictObject({
  text,
  token,
  credentials: v.strictObject({ token: text }),
  mooncakesRegistry: maybe,
});

const stagedVersion = { module: text, version: text, checksum, sizeBytes: number };
const differences = v.strictObject({ added: texts, removed: texts, changed: texts });
const stagedEntries = {
  id: checksum,
  versions: v.array(v.strictObject(stagedVersion)),
  token: text,
  owner: text,
  at: time,
  expiresAt: time,
  oidc: v.optional(v.strictObject({ issuer: text, entry: text, claims: v.record(v.string(), v.string()) })),
  decision: v.optional(
    v.strictObject({
      kind: v.picklist(['approved', 'rejected', 'replaced', 'expired']),
      at: time,
      by: maybe,
      token: maybe,
      reason: maybe,
    }),
  ),
};
const staged = named('Staged', stagedEntries);
const stagedContents = v.strictObject({
  ...stagedEntries,
  saved: v.optional(texts),
  modules: v.array(
    v.strictObject({
      ...stagedVersion,
      archive: maybe,
      files: v.array(v.strictObject({ path: text, sizeBytes: number })),
      manifest: v.looseObject({}),
      problems: v.array(v.strictObject({ code: text, severity: v.picklist(['error', 'remark']), text })),
      previous: v.optional(
        v.strictObject({ version: text, files: v.optional(differences), dependencies: differences }),
      ),
    }),
  ),
});
const stagedDecision = v.strictObject({
  id: checksum,
  outcome: v.picklist(['published', 'rejected']),
  versions: v.array(v.strictObject(stagedVersion)),
});

const identityReport = v.strictObject({
  ok: flag,
  problem: v.nullable(text),
  entry: v.nullable(text),
  name: v.nullable(text),
  entries: v.array(
    v.strictObject({
      entry: text,
      failures: v.array(v.strictObject({ claim: text, expected: texts, actual: v.nullable(text) })),
    }),
  ),
});

const blocked = v.strictObject({
  decision,
  versions: texts,
  listed: texts,
  left: texts,
  changes: v.array(moduleChange),
  purge: texts,
  unknown: v.optional(v.strictObject({ what: text, nearest: maybe, unread: texts })),
});

const yanked = v.strictObject({ module: text, versions: texts, changed: texts, reason: maybe });

const sourceAuth = v.strictObject({ type: v.picklist(['bearer', 'basic']) });

const configuredSource = named('ConfiguredSource', {
  name: text,
  type: v.picklist(['mooncakes', 'moonbit-registry', 'custom']),
  url: text,
  indexUrl: text,
  indexType: v.literal('git'),
  enabled: flag,
  priority: number,
  namespaces: texts,
  include: texts,
  exclude: texts,
  holdsNewNames: v.picklist(['claimed', 'all']),
  deletedUpstream: v.picklist(['keep', 'follow']),
  downloadUrl: text,
  packageUrlPattern: maybe,
  allowedRedirects: texts,
  maxConcurrency: number,
  maxRequestsPerSecond: v.optional(number),
  auth: v.optional(sourceAuth),
  limits: v.record(text, number),
});

const mirrorReport = named('MirrorReport', {
  dryRun: flag,
  durationMs: number,
  refresh: v.array(sourceRefresh),
  sources: v.array(
    v.strictObject({
      ...{ source: text, modules: number, versions: number },
      ...{ downloaded: number, present: number, failed: number, bytes: number },
    }),
  ),
  decided: v.array(v.strictObject({ module: text, source: text })),
  undecided: v.array(
    v.strictObject({ source: text, owner: text, modules: texts, versions: number, requiredBy: texts }),
  ),
  skipped: v.array(
    v.strictObject({
      module: text,
      origin: maybe,
      kind: v.picklist(['other-origin', 'undecided', 'contradicted', 'no-version']),
      reason: text,
    }),
  ),
  unmatched: v.array(v.strictObject({ source: text, pattern: text, reason: text, hint: maybe })),
  toDownload: texts,
  blocked: v.array(v.strictObject({ module: text, version: text })),
  failed: v.array(v.strictObject({ module: text, version: text, source: text, reason: text })),
  unsatisfied: v.array(
    v.strictObject({
      ...{ module: text, requirement: text, requiredBy: text, reason: text },
      kind: v.picklist(['impossible', 'unlisted', 'open']),
    }),
  ),
  findings: v.array(finding),
  heldBack: v.array(heldBack),
});

const statusReport = named('StatusReport', {
  name: text,
  health: v.picklist(['ok', 'degraded']),
  directory: text,
  commit: text,
  modules: number,
  upstreamFallback: flag,
  sources: v.array(
    v.strictObject({
      ...{ name: text, isDefault: flag, enabled: flag, removed: flag, priority: number },
      ...{ readAt: v.optional(time), triedAt: v.optional(time), isStale: flag, isHeld: flag },
      ...{ failure: maybe, failureClass: v.optional(failureClass), failingSince: v.optional(time) },
      missingCredentials: maybe,
      ...{ listed: number, served: number },
    }),
  ),
  hosting: v.optional(
    v.strictObject({
      namespaces: texts,
      modules: number,
      staged: v.strictObject({ count: number, bytes: number, since: v.optional(time) }),
    }),
  ),
  views: reportedViews,
  findings: v.array(finding),
  heldBack: v.array(heldBack),
  blocks: v.array(block),
  archives: v.strictObject({ count: number, bytes: number }),
  indexBytes: number,
  caching: v.optional(
    v.strictObject({ isPaused: flag, freeBytes: v.optional(number), reserveBytes: number }),
  ),
});

const explanationEntries = {
  module: text,
  version: maybe,
  isServed: flag,
  origin: maybe,
  rule: v.picklist([
    ...['claimed', 'priority', 'recorded', 'moved', 'held', 'undecided', 'unlisted', 'blocked'],
    'as-recorded',
  ] as const),
  because: text,
  decidedBy: maybe,
  sources: v.array(
    v.strictObject({
      source: text,
      priority: number,
      listing: v.picklist([
        ...['listed', 'absent', 'excluded', 'claimed-elsewhere', 'disabled', 'never-read', 'removed'],
      ] as const),
      isStale: flag,
      versions: texts,
      checksum: v.optional(checksum),
    }),
  ),
  pin: v.optional(pin),
  isCached: v.optional(flag),
  published: v.optional(
    v.looseObject({
      ...{ version: text, token: text, owner: text, at: text },
      oidc: v.optional(v.looseObject({ issuer: text, entry: text, claims: v.record(text, text) })),
    }),
  ),
  adopted: v.optional(
    v.looseObject({ does: v.literal('adopt'), version: text, from: text, by: text, at: time }),
  ),
  yanked: v.optional(v.strictObject({ reason: maybe, by: text, at: v.optional(time) })),
  versions: texts,
  findings: v.array(finding),
  heldBack: v.optional(heldBack),
  blocks: v.array(block),
};

const explanation = named('Explanation', { ...explanationEntries, nearest: maybe });

const pastExplanation = named('PastExplanation', {
  ...explanationEntries,
  state: v.strictObject({ commit: text, since: text, until: maybe, served: text }),
  today: v.strictObject({
    ...{ isServed: flag, checksum: v.optional(checksum), isSame: flag },
    blocks: v.array(block),
  }),
});

const pastState = named('PastState', {
  ...{ state: text, since: text, until: maybe, served: text, modules: number, summary: text, path: text },
});

const listedModule = named('ListedModule', {
  module: text,
  latest: text,
  versions: number,
  origin: maybe,
  cached: number,
});

const outdatedReport = named('OutdatedReport', {
  project: text,
  requirements: number,
  outdated: v.array(
    v.strictObject({ module: text, wanted: text, selected: text, latest: text, origin: maybe }),
  ),
  unsatisfied: v.array(v.strictObject({ module: text, wanted: text, reason: text })),
});

const sourceCheck = named('SourceCheck', {
  source: text,
  ok: flag,
  steps: v.array(
    v.strictObject({
      step: v.picklist(['reach', 'authenticate', 'index', 'archive']),
      ok: flag,
      detail: text,
    }),
  ),
  modules: v.optional(number),
  changedAt: maybe,
  latencyMs: v.optional(number),
  newest: v.optional(v.strictObject({ modules: number, dropped: number, reason: maybe })),
});

const verifyReport = named('VerifyReport', {
  deep: flag,
  repair: flag,
  isSound: flag,
  steps: v.array(
    v.strictObject({
      step: v.picklist(['repository', 'state', 'ledger', 'index', 'archives', 'temporary-files']),
      outcome: v.picklist(['sound', 'problems', 'skipped']),
      checked: number,
      findings: v.array(
        v.strictObject({
          severity: v.picklist(['problem', 'note']),
          ...{ subject: text, detail: text, isRepaired: flag },
        }),
      ),
    }),
  ),
});

const setting = v.union([text, number, flag, texts]);
const backupEntries = {
  madeAt: time,
  state: text,
  served: text,
  modules: number,
  archives: number,
  assets: number,
};

/** By what is typed, options that change the shape included. */
export const jsonShapes = {
  init: v.strictObject({ directory: text, created: texts }),
  'source add': v.strictObject({ source: text, defaultSource: text, served, look: v.nullable(sourceLook) }),
  'source list': v.strictObject({
    defaultSource: text,
    sourcesAreImplied: flag,
    sources: v.array(configuredSource),
  }),
  'source default': v.strictObject({ defaultSource: text }),
  'source enable': v.strictObject({ source: text, enabled: flag, changed: flag, served }),
  'source disable': v.strictObject({ source: text, enabled: flag, changed: flag, served }),
  'source rename': v.strictObject({ source: text, previousName: text, served }),
  'source remove': v.strictObject({ source: text, defaultSource: text, served }),
  'source login': v.strictObject({ source: text, auth: sourceAuth }),
  'source logout': v.strictObject({ source: text, changed: flag }),
  'source add --dry-run': v.strictObject({ served: v.nullable(syncReport), look: v.nullable(sourceLook) }),
  'source … --dry-run': v.nullable(syncReport),
  'source check': v.array(sourceCheck),
  mirror: mirrorReport,
  sync: named('SyncReport with its time', { ...syncEntries, durationMs: number }),
  plan: syncReport,
  status: statusReport,
  list: v.array(listedModule),
  'list --outdated': outdatedReport,
  explain: explanation,
  'explain --at': pastExplanation,
  verify: verifyReport,
  'conflicts list': v.array(conflict),
  'conflicts keep': ruled,
  'conflicts accept': ruled,
  block: blocked,
  unblock: blocked,
  'block --list': v.array(block),
  'hosting adopt': v.strictObject({
    dryRun: flag,
    modules: v.array(v.strictObject({ module: text, from: text, versions: texts })),
    fetched: v.array(v.strictObject({ module: text, version: text })),
    changes: texts,
  }),
  yank: yanked,
  unyank: yanked,
  withdraw: blocked,
  'staged list': v.array(staged),
  'staged show': stagedContents,
  'staged approve': stagedDecision,
  'staged reject': stagedDecision,
  'token create': issued,
  'token rotate': issued,
  'token list': v.array(token),
  'token revoke': v.array(token),
  'token revoke --issuer': v.strictObject({ issuer: text, until: time }),
  'oidc check': identityReport,
  login: v.strictObject({
    ...{ registry: text, name: text, text, expiresAt: time },
    mooncakesRegistry: maybe,
  }),
  doctor: v.strictObject({
    directory: text,
    checks: v.array(
      v.strictObject({
        name: text,
        result: v.picklist(['ok', 'warning', 'failure']),
        detail: text,
        hint: maybe,
      }),
    ),
  }),
  serve: v.strictObject({ url: text, index: text, port: number, directory: text }),
  config: v.record(text, setting),
  'config KEY': v.strictObject({ key: text, value: setting }),
  'config KEY VALUE': v.strictObject({ key: text, value: setting, served }),
  'config … --dry-run': v.nullable(syncReport),
  'config --unset': v.strictObject({
    unset: v.array(v.strictObject({ key: text, value: v.optional(setting) })),
    served,
  }),
  path: v.strictObject({ module: text, version: text, checksum, path: text }),
  'state log': v.array(pastState),
  'state at': pastState,
  'state downgrade': v.strictObject({ format: number }),
  backup: v.strictObject({
    ...{ file: text, durationMs: number, ...backupEntries, sizeBytes: number },
    leftOut: v.array(v.strictObject({ checksum, reason: text })),
    problems: texts,
  }),
  restore: v.strictObject({
    ...{ directory: text, durationMs: number, ...backupEntries, movedDataDir: maybe },
    sources: v.array(
      v.strictObject({
        ...{ name: text, enabled: flag, addresses: texts },
        credentials: v.array(
          v.strictObject({ kind: v.picklist(['variable', 'file']), name: text, isOutside: flag }),
        ),
      }),
    ),
  }),
  publish: v.strictObject({
    registry: text,
    dryRun: flag,
    outcome: v.picklist(['published', 'would-publish', 'waiting', 'staged', 'refused', 'not-asked']),
    stagedId: v.optional(checksum),
    modules: v.array(
      v.strictObject({
        path: text,
        module: maybe,
        version: maybe,
        checksum,
        sizeBytes: number,
        files: v.array(v.strictObject({ path: text, sizeBytes: number })),
        problems: v.array(v.strictObject({ code: text, severity: v.picklist(['error', 'remark']), text })),
        remarks: texts,
      }),
    ),
    listed: v.optional(flag),
    missing: v.optional(texts),
  }),
  update: v.strictObject({ registry: text, exitCode: number }),
  demo: v.strictObject({ exitCode: number }),
  completion: v.strictObject({ shell: v.picklist(['bash', 'zsh', 'fish', 'powershell']), script: text }),
  'any command that fails': v.strictObject({
    error: v.strictObject({ code: text, message: text, hint: maybe, problems: v.optional(texts) }),
  }),
} as const;

type Schema = v.GenericSchema & {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly item?: Schema;
  readonly items?: readonly Schema[];
  readonly wrapped?: Schema;
  readonly options?: readonly (string | Schema)[];
  readonly literal?: unknown;
  readonly value?: Schema;
};

/** The tables of docs/json.md, as Markdown: what each command prints, and the shapes that these have in common. */
export function renderJsonShapes(): string {
  const shared = new Map<string, Schema>();
  const rows = Object.entries(jsonShapes).map(
    ([command, shape]) =>
      `| ${command.startsWith('any ') ? command : `\`${command}\``} | ${typeOf(shape as Schema, shared)} |\n`,
  );
  const tables: string[] = [];
  for (const [title, shape] of shared) {
    const keys = Object.entries(shape.entries ?? {}).map(
      ([key, value]) =>
        `| \`${key}\` | ${isOptional(value) ? 'may be absent' : ''} | ${typeOf(value, shared)} |\n`,
    );
    tables.push(`\n### ${title}\n\n| key | | value |\n|---|---|---|\n${keys.join('')}`);
  }
  return `| command | prints |\n|---|---|\n${rows.join('')}${tables.join('')}`;
}

function isOptional(schema: Schema): boolean {
  return schema.type === 'optional';
}

/** The type in a few words; shapes with a title are met once and noted. */
function typeOf(schema: Schema, shared: Map<string, Schema>): string {
  const title = v.getTitle(schema);
  if (title !== undefined) {
    shared.set(title, schema);
    return `[${title}](#${title.toLowerCase().replaceAll(' ', '-')})`;
  }
  const inner = (one: Schema | undefined) => (one === undefined ? '' : typeOf(one, shared));
  switch (schema.type) {
    case 'optional':
      return inner(schema.wrapped);
    case 'nullable':
      return `${inner(schema.wrapped)} or \`null\``;
    case 'array':
      return `list of ${inner(schema.item)}`;
    case 'tuple':
      return `[${(schema.items ?? []).map(inner).join(', ')}]`;
    case 'record':
      return `object of ${inner(schema.value)} by name`;
    case 'union':
      return (schema.options ?? []).map((one) => inner(one as Schema)).join(', ');
    case 'picklist':
      return (schema.options ?? []).map((one) => `\`${one}\``).join(', ');
    case 'literal':
      return `\`${schema.literal}\``;
    case 'strict_object':
      return `{ ${Object.entries(schema.entries ?? {})
        .map(([key, value]) => `${key}${isOptional(value) ? '?' : ''}: ${inner(value)}`)
        .join('; ')} }`;
    default:
      return v.getDescription(schema) ?? schema.type;
  }
}
