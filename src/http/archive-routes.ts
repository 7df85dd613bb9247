import { isModuleName, type ModuleName, moduleNameProblem } from '../model/module-name.ts';
import { isVersion, type Version } from '../model/version.ts';
import type { Registry, ServedArchive } from '../registry/registry.ts';
import {
  type Answer,
  type AppRequest,
  json,
  type ProblemAnswer,
  problem,
  type ReadyAnswer,
  type Route,
} from './answer.ts';
import { describeExplanation } from './api-answers.ts';
import {
  type ArchiveMemory,
  type ArchiveMemoryLimits,
  createArchiveMemory,
  describeArchive,
} from './archive-memory.ts';
import { answerEntity } from './entity.ts';
import { busyProblem, lookupProblem } from './respond.ts';
import type { ServedCommit } from './served-commit.ts';
import { decodePath, parseQuery } from './target.ts';

export interface ArchiveLimits extends ArchiveMemoryLimits {
  /** moon gives up after 30 s without a first byte (moon-protocol §3). */
  readonly firstByteMs: number;
}

const prefix = '/user/';
const suffix = '.zip';

export interface ArchiveRoutes {
  readonly routes: readonly Route[];
  /** The whole archive last served for `target` (as sent), if nothing has to be looked up for that. */
  findReady(target: string): ReadyAnswer | undefined;
}

/** `GET /user/….zip` in all forms clients send. */
export function createArchiveRoutes(
  registry: Registry,
  servedCommit: ServedCommit,
  limits: ArchiveLimits,
): ArchiveRoutes {
  const memory = createArchiveMemory(limits);
  const route: Route = {
    methods: ['GET', 'HEAD'],
    pattern: /^\/user\/.+\.zip$/,
    handle: (request) => answerArchive({ registry, servedCommit, memory, limits }, request),
  };
  return { routes: [route], findReady: (target) => memory.findReady(target, servedCommit.glance()) };
}

interface ArchiveContext {
  readonly registry: Registry;
  readonly servedCommit: ServedCommit;
  readonly memory: ArchiveMemory;
  readonly limits: ArchiveLimits;
}

async function answerArchive(context: ArchiveContext, request: AppRequest): Promise<Answer> {
  const { registry, servedCommit, memory, limits } = context;
  if (request.query !== '' && parseQuery(request.query).has('explain')) {
    const named = parseArchivePath(request.path);
    return named.kind === 'problem'
      ? named
      : json(describeExplanation(await registry.explain(named.module, named.version)));
  }
  const commit = await servedCommit.read();
  const known = memory.recall(request.target, commit);
  if (known) return answerFound(memory, known, request);
  const named = parseArchivePath(request.path);
  if (named.kind === 'problem') return named;
  const { module, version } = named;
  const outcome = await withinTime(registry.openArchive(module, version), limits.firstByteMs);
  if (outcome === 'late')
    return busyProblem(`The archive of ${module}@${version} is still being fetched; ask again.`, 5000);
  if (outcome.kind === 'found') {
    memory.remember(request.target, commit, outcome.value);
    return answerFound(memory, outcome.value, request);
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

async function answerFound(
  memory: ArchiveMemory,
  archive: ServedArchive,
  request: AppRequest,
): Promise<Answer> {
  // An archive that was removed from the disk meanwhile is looked up, and fetched, anew next time.
  const orForget = <T>(reading: Promise<T>): Promise<T> =>
    reading.catch((error: unknown) => {
      memory.forget(request.target);
      throw error;
    });
  const bytes = await orForget(memory.bytes(archive));
  return answerEntity(request, {
    ...describeArchive(archive),
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
