import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Checksum } from '../../src/model/checksum.ts';
import { absent, found, type SourceFailure, unavailable } from '../../src/model/lookup.ts';
import { isModuleName, type ModuleName } from '../../src/model/module-name.ts';
import { isVersion, type Version } from '../../src/model/version.ts';
import { openAccess } from '../../src/registry/access/open-access.ts';
import { dataLayout } from '../../src/registry/data-layout.ts';
import type {
  ArchiveOutcome,
  ArchiveRefusal,
  ServedArchive,
  ServedFile,
} from '../../src/registry/deliver/served-bytes.ts';
import { silentAudit } from '../../src/registry/record/audit.ts';
import type { Registry } from '../../src/registry/registry.ts';
import type { Explanation } from '../../src/registry/sync/explain.ts';
import { noDiskWatch } from '../../src/support/disk/disk-watch.ts';
import { runGit } from '../../src/support/git/git.ts';
import { tester } from './actor.ts';

/** A registry of one real git repository and archives in memory, for tests of what stands on top of `Registry`. */
export interface RegistryStandIn extends Registry {
  /** Adds `OWNER/NAME@VERSION` in one commit; `archive` is what is served for it. */
  publish(reference: string, fields?: Readonly<Record<string, unknown>>, archive?: Buffer): Promise<Checksum>;
  /** Adds `count` modules in one commit. */
  publishMany(prefix: string, count: number): Promise<void>;
  /** `main` becomes one fresh commit without history. */
  reRoot(): Promise<void>;
  /** A commit that exists but no client may see. */
  readonly hiddenCommit: string;
  /** By reference: what the sources answer instead of an archive. */
  readonly failures: Map<string, SourceFailure>;
  /** By reference: what is refused although it may be there. */
  readonly refusals: Map<string, ArchiveRefusal>;
  readonly assets: Map<string, Buffer>;
  /** As an edit of `registry.toml` would. */
  editServer(settings: Partial<Config['server']>): void;
  readonly staleNames: string[];
  /** What `isReady` answers. */
  ready: boolean;
  /** How often each of these was called. */
  readonly calls: {
    servedCommit: number;
    stateCommit: number;
    openArchive: number;
    readIndex: number;
    staleSources: number;
  };
  /** When set, `openArchive` waits for it. */
  gate: Promise<void> | undefined;
}

export async function createRegistryStandIn(): Promise<RegistryStandIn> {
  const directory = await mkdtemp(join(tmpdir(), 'registry-stand-in-'));
  const indexDirectory = join(directory, 'index');
  await runGit(['init', '--quiet', '--bare', '--initial-branch=main', indexDirectory]);
  const hiddenCommit = await commit(indexDirectory, 'refs/registry/state', [['secret', 'hidden\n']]);
  await commit(indexDirectory, 'refs/heads/main', [['README', 'An index.\n']]);
  const lines = new Map<ModuleName, string[]>();
  const archives = new Map<string, Buffer>();
  const calls = { servedCommit: 0, stateCommit: 0, openArchive: 0, readIndex: 0, staleSources: 0 };
  const failures = new Map<string, SourceFailure>();
  const refusals = new Map<string, ArchiveRefusal>();
  const assets = new Map<string, Buffer>();
  const staleNames: string[] = [];

  async function writeIndex(modules: readonly ModuleName[]): Promise<void> {
    const files = modules.map((module): [string, string] => [
      `user/${module}.index`,
      fileOf(module).toString(),
    ]);
    await commit(indexDirectory, 'refs/heads/main', files);
  }

  function fileOf(module: ModuleName): Buffer {
    return Buffer.from((lines.get(module) ?? []).map((line) => `${line}\n`).join(''));
  }

  function addLine(reference: string, fields: Readonly<Record<string, unknown>>, archive: Buffer): Checksum {
    const { module, version } = parseReference(reference);
    const checksum = createHash('sha256').update(archive).digest('hex') as Checksum;
    const line = JSON.stringify({ name: module, version, ...fields, checksum });
    lines.set(module, [...(lines.get(module) ?? []), line]);
    archives.set(reference, archive);
    return checksum;
  }

  const standIn: RegistryStandIn = {
    ...unsupported,
    ...openAccess({
      layout: { ...dataLayout(directory), index: indexDirectory, locks: directory },
      ...{ settings: () => standIn.config, env: {} },
      ...{ actor: tester, audit: silentAudit, now: () => new Date() },
      onFailure() {},
    }),
    publishing: { receive: unavailableHere, publish: unavailableHere },
    hosted: {
      ...{
        yank: unavailableHere,
        withdraw: unavailableHere,
        withdrawn: async () => [],
        names: async () => [],
      },
      ...{ prepareAdoption: unavailableHere, adopt: unavailableHere },
    },
    user: 'user tester',
    findView: async () => undefined,
    listViews: async () => [],
    staging: {
      list: async () => [],
      find: async () => undefined,
      show: async () => undefined,
      read: async () => undefined,
      approve: unavailableHere,
      reject: unavailableHere,
    },
    config: configFor(directory),
    indexDirectory,
    data: {
      fingerprint: async () => '',
      probeIndex: async () => undefined,
      probeArchives: async () => undefined,
    },
    sharing: { isShared: false, lockFolder: directory, packFolder: join(directory, 'answers') },
    hiddenCommit,
    disk: noDiskWatch,
    probeDisk: async () => {},
    failures,
    refusals,
    assets,
    staleNames,
    ready: true,
    calls,
    gate: undefined,
    editServer(settings) {
      const { config } = standIn;
      Object.assign(standIn, { config: { ...config, server: { ...config.server, ...settings } } });
    },
    async publish(reference, fields = {}, archive = Buffer.from(`archive of ${reference}`)) {
      const checksum = addLine(reference, fields, archive);
      await writeIndex([parseReference(reference).module]);
      return checksum;
    },
    async publishMany(prefix, count) {
      const references = Array.from({ length: count }, (_, i) => `${prefix}${i}@0.1.0`);
      for (const reference of references) addLine(reference, {}, Buffer.from(reference));
      await writeIndex(references.map((reference) => parseReference(reference).module));
    },
    async reRoot() {
      const tree = await gitText(indexDirectory, ['rev-parse', 'main^{tree}']);
      const root = await gitText(indexDirectory, [...identity, 'commit-tree', '-m', 'fresh root', tree]);
      await gitText(indexDirectory, ['update-ref', 'refs/heads/main', root]);
    },
    async servedCommit() {
      calls.servedCommit++;
      return gitText(indexDirectory, ['rev-parse', 'refs/heads/main']);
    },
    async stateCommit() {
      calls.stateCommit++;
      return `${await gitText(indexDirectory, ['rev-parse', 'refs/heads/main'])} ${refusals.size}`;
    },
    async servedCommits() {
      return new Set((await gitText(indexDirectory, ['rev-list', 'refs/heads/main'])).split('\n'));
    },
    async readIndexFile(module) {
      return lines.has(module) ? fileOf(module) : undefined;
    },
    async *readIndex() {
      calls.readIndex++;
      for (const module of [...lines.keys()].sort()) yield { module, file: fileOf(module) };
    },
    async originOf(module) {
      return lines.has(module) ? 'mooncakes' : undefined;
    },
    async openArchive(module, version): Promise<ArchiveOutcome> {
      calls.openArchive++;
      await standIn.gate;
      const refusal = refusals.get(`${module}@${version}`);
      if (refusal) return refusal;
      const failure = failures.get(`${module}@${version}`);
      if (failure) return unavailable(failure);
      const bytes = archives.get(`${module}@${version}`);
      return bytes ? found(asArchive(bytes)) : absent('it is not listed');
    },
    async symbols() {
      return asServed(Buffer.from('504b0506000000000000000000000000000000000000', 'hex'));
    },
    async openAsset(path) {
      const bytes = assets.get(path);
      return bytes ? found(asServed(bytes)) : absent('no source has it');
    },
    async readTimes() {
      return staleNames.map((source) => ({ source, readAt: undefined }));
    },
    cacheSpace: async () => undefined,
    sourcesLeftAlone: () => [],
    isReady: async () => standIn.ready,
    forgetAbsences: () => {},
    findState: async () => ({
      ...{ kind: 'none', reason: 'before-first', instead: undefined },
      detail: 'Nothing has been served here yet.',
    }),
    async staleSources() {
      calls.staleSources++;
      return staleNames.map((source) => ({
        source,
        readAt: undefined,
        failure: 'connection to http://10.1.2.3 refused',
        failureClass: 'connection',
        failingSince: '2026-01-02T03:04:05.000Z',
      }));
    },
    async explain(module, version): Promise<Explanation> {
      const because = 'it is the only source that lists it';
      const rule = 'priority';
      const isServed = lines.has(module);
      const rest = { pin: undefined, isCached: true, sources: [], versions: [], blocks: [], findings: [] };
      const unknown = {
        heldBack: undefined,
        published: undefined,
        adopted: undefined,
        yanked: undefined,
        decidedBy: 'root',
      };
      return { module, version, isServed, origin: 'mooncakes', rule, because, ...unknown, ...rest };
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
  return standIn;
}

function unavailableHere(): never {
  throw new Error('the stand-in cannot do this');
}

const unsupported = {
  reload: unavailableHere,
  sync: unavailableHere,
  reaggregate: unavailableHere,
  mirror: unavailableHere,
  status: unavailableHere,
  suggestModule: unavailableHere,
  list: unavailableHere,
  findOutdated: unavailableHere,
  plan: unavailableHere,
  downgrade: unavailableHere,
  checkSources: unavailableHere,
  scrub: unavailableHere,
  verify: unavailableHere,
  lookAtSource: unavailableHere,
  heldBack: unavailableHere,
  conflicts: unavailableHere,
  ruleOnConflict: unavailableHere,
  blocks: unavailableHere,
  ruleOnBlock: unavailableHere,
  findArchive: unavailableHere,
  newestStates: unavailableHere,
  explainPast: unavailableHere,
  serveState: unavailableHere,
};

const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];

async function commit(gitDir: string, ref: string, files: readonly [string, string][]): Promise<string> {
  const parent = await runGit(['rev-parse', '--verify', '--quiet', ref], { gitDir }).catch(() => undefined);
  const input = [
    `commit ${ref}\ncommitter test <test@example.com> 1700000000 +0000\ndata 6\nchange\n`,
    parent ? `from ${parent.toString().trim()}\n` : '',
    ...files.map(([path, text]) => `M 100644 inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`),
  ].join('');
  await runGit(['fast-import', '--quiet'], { gitDir, input });
  return gitText(gitDir, ['rev-parse', ref]);
}

async function gitText(gitDir: string, args: readonly string[]): Promise<string> {
  return (await runGit(args, { gitDir })).toString().trim();
}

function parseReference(reference: string): { module: ModuleName; version: Version } {
  const [module = '', version = ''] = reference.split('@');
  if (!isModuleName(module) || !isVersion(version)) throw new TypeError(`not a reference: ${reference}`);
  return { module, version };
}

function asServed(bytes: Buffer): ServedFile {
  const etag = createHash('sha256').update(bytes).digest('hex');
  return { etag, sizeBytes: bytes.length, content: bytes };
}

function asArchive(bytes: Buffer): ServedArchive {
  return {
    checksum: createHash('sha256').update(bytes).digest('hex') as Checksum,
    sizeBytes: bytes.length,
    open: async (range) => Readable.from([range ? bytes.subarray(range.start, range.end + 1) : bytes]),
    read: async () => bytes,
  };
}

function configFor(directory: string): Config {
  return {
    directory,
    file: join(directory, 'registry.toml'),
    registry: { name: 'stand-in', dataDir: directory, cacheReserveBytes: undefined },
    sources: [],
    views: [],
    defaultSource: 'mooncakes',
    sourcesAreImplied: true,
    mirror: { packages: [], autoSync: false, syncIntervalMs: 0 },
    server: {
      host: '127.0.0.1',
      port: 0,
      baseUrl: undefined,
      allowedHosts: [],
      trustedProxies: [],
      maxConnections: 4096,
      upstreamFallback: true,
      refreshIntervalMs: 60_000,
      scrubIntervalMs: 86_400_000,
    },
    limits: parseConfig('', { directory }).limits,
    access: { read: undefined, tokenInPath: false, oidc: [] },
    hosting: parseConfig('', { directory }).hosting,
    warnings: [],
  };
}
