import { LRUCache } from 'lru-cache';
import { isModuleName, type ModuleName, moduleNameProblem } from '../model/module-name.ts';
import { isVersion, type Version } from '../model/version.ts';
import type { Registry, ServedArchive } from '../registry/registry.ts';
import { type Answer, type AppRequest, json, type ProblemAnswer, problem, type Route } from './answer.ts';
import { answerEntity } from './entity.ts';
import { busyProblem, lookupProblem } from './respond.ts';
import { decodePath, parseQuery } from './target.ts';

export interface ArchiveLimits {
  /** Archives up to this size are kept in memory and sent with one write. */
  readonly smallArchiveBytes: number;
  readonly archiveCacheBytes: number;
  /** moon gives up after 30 s without a first byte (moon-protocol §3). */
  readonly firstByteMs: number;
}

const prefix = '/user/';
const suffix = '.zip';
const rememberedTargetBytes = 16 * 1024 * 1024;

/** `GET /user/….zip` in all forms clients send. */
export function createArchiveRoutes(registry: Registry, limits: ArchiveLimits): Route[] {
  const archives = createArchiveMemory(limits);
  return [
    {
      methods: ['GET', 'HEAD'],
      pattern: /^\/user\/.+\.zip$/,
      handle: (request) => answerArchive(registry, archives, limits, request),
    },
  ];
}

async function answerArchive(
  registry: Registry,
  memory: ArchiveMemory,
  limits: ArchiveLimits,
  request: AppRequest,
): Promise<Answer> {
  if (request.query !== '' && parseQuery(request.query).has('explain')) {
    const named = parseArchivePath(request.path);
    return named.kind === 'problem' ? named : json(await registry.explain(named.module, named.version));
  }
  const key = `${await registry.servedCommit()} ${request.path}`;
  const known = memory.recall(key);
  if (known) return answerFound(memory, key, known, request);
  const named = parseArchivePath(request.path);
  if (named.kind === 'problem') return named;
  const { module, version } = named;
  const outcome = await withinTime(registry.openArchive(module, version), limits.firstByteMs);
  if (outcome === 'late')
    return busyProblem(`The archive of ${module}@${version} is still being fetched; ask again.`, 5000);
  if (outcome.kind === 'found') {
    memory.remember(key, outcome.value);
    return answerFound(memory, key, outcome.value, request);
  }
  const origin = outcome.kind === 'unavailable' ? await registry.originOf(module) : undefined;
  const source = origin === undefined ? '' : ` (from source "${origin}")`;
  return lookupProblem(`The archive of ${module}@${version}${source}`, outcome);
}

interface ArchiveName {
  readonly kind: 'name';
  readonly module: ModuleName;
  readonly version: Version;
}

/**
 * The rule that covers every client (moon-protocol §3): without `/user/` and `.zip`, percent-decode once, split on
 * `/`; the last part is the version, the others are the module's name.
 */
function parseArchivePath(path: string): ArchiveName | ProblemAnswer {
  const decoded = decodePath(path.slice(prefix.length, -suffix.length));
  if (decoded === undefined) return problem(400, 'The path is not percent-encoded UTF-8.');
  const end = decoded.lastIndexOf('/');
  const [module, version] = [decoded.slice(0, Math.max(end, 0)), decoded.slice(end + 1)];
  if (!isModuleName(module)) {
    const reason = moduleNameProblem(module) ?? '';
    return problem(400, `The path names no module: ${reason}.`, {
      hint: 'ask for /user/OWNER/NAME/VERSION.zip',
    });
  }
  if (!isVersion(version)) return problem(400, `The path names no semantic version of ${module}.`);
  return { kind: 'name', module, version };
}

/** What hot archives need no git and no disk for. */
interface ArchiveMemory {
  recall(key: string): ServedArchive | undefined;
  remember(key: string, archive: ServedArchive): void;
  forget(key: string): void;
  /** The bytes of a small archive; `undefined` for a large one. */
  bytes(archive: ServedArchive): Promise<Buffer | undefined>;
}

function createArchiveMemory(limits: ArchiveLimits): ArchiveMemory {
  const targets = new LRUCache<string, ServedArchive>({
    maxSize: rememberedTargetBytes,
    sizeCalculation: (_, key) => 2 * key.length + 500,
  });
  const contents = new LRUCache<string, Buffer>({
    maxSize: limits.archiveCacheBytes,
    sizeCalculation: (bytes) => bytes.length + 1,
  });
  return {
    recall: (key) => targets.get(key),
    remember: (key, archive) => void targets.set(key, archive),
    forget: (key) => void targets.delete(key),
    async bytes(archive) {
      if (archive.sizeBytes > limits.smallArchiveBytes) return undefined;
      const known = contents.get(archive.checksum);
      if (known) return known;
      const bytes = await archive.read();
      contents.set(archive.checksum, bytes);
      return bytes;
    },
  };
}

async function answerFound(
  memory: ArchiveMemory,
  key: string,
  archive: ServedArchive,
  request: AppRequest,
): Promise<Answer> {
  // An archive that was removed from the disk meanwhile is looked up, and fetched, anew next time.
  const orForget = <T>(reading: Promise<T>): Promise<T> =>
    reading.catch((error: unknown) => {
      memory.forget(key);
      throw error;
    });
  const bytes = await orForget(memory.bytes(archive));
  return answerEntity(request, {
    etag: archive.checksum,
    sizeBytes: archive.sizeBytes,
    headers: {
      'Content-Type': 'application/zip',
      'Cache-Control': 'public, max-age=31536000, immutable, no-transform',
      'X-Checksum-SHA256': archive.checksum,
    },
    source: bytes ?? ((range) => orForget(archive.open(range))),
  });
}

/** The work goes on when it is late: the next request finds it done. */
async function withinTime<T>(work: Promise<T>, timeoutMs: number): Promise<T | 'late'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
