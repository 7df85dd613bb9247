import { type Answer, type AppRequest, type ProblemAnswer, problem } from '../../http/answer.ts';
import { answerEntity } from '../../http/entity.ts';
import { decodePath } from '../../http/target.ts';
import { isModuleName, type ModuleName, moduleNameProblem } from '../../model/module-name.ts';
import { isVersion, type Version } from '../../model/version.ts';
import type { ServedArchive } from '../../registry/deliver/served-bytes.ts';
import type { FileServing, Resolution } from '../../registry/registry.ts';
import { type GuardedRoute, readsModule } from '../access.ts';
import type { FreshCommit } from '../fresh-commit.ts';
import { undecodable } from '../problems.ts';
import { type ArchiveMemory, describeArchive } from './archive-memory.ts';
import { askForArchive } from './ask-archive.ts';
import { refuse } from './why-routes.ts';

export interface ArchiveOptions {
  /** moon gives up after 30 s without a first byte (moon-protocol §3). */
  readonly firstByteMs: number;
  /** As in `WhyOptions`. */
  readonly prefix: () => string;
  /** What caches on the way are told of an archive. */
  readonly caching: string;
}

const prefix = '/user/';
const suffix = '.zip';

/** `GET /user/….zip` in all forms clients send. */
export function createArchiveRoutes(
  registry: FileServing & Resolution,
  stateCommit: FreshCommit,
  memory: ArchiveMemory,
  options: ArchiveOptions,
): GuardedRoute[] {
  const route: GuardedRoute = {
    methods: ['GET', 'HEAD'],
    pattern: /^\/user\/.+\.zip$/,
    need(path) {
      const named = parseArchivePath(path);
      return readsModule(named.kind === 'name' ? named.module : undefined);
    },
    handle: (request) => answerArchive({ registry, stateCommit, memory, options }, request),
  };
  return [route];
}

interface ArchiveContext {
  readonly registry: FileServing & Resolution;
  readonly stateCommit: FreshCommit;
  readonly memory: ArchiveMemory;
  readonly options: ArchiveOptions;
}

async function answerArchive(context: ArchiveContext, request: AppRequest): Promise<Answer> {
  const { registry, stateCommit, memory, options } = context;
  const commit = await stateCommit.read();
  const known = memory.recall(request.target, commit);
  if (known) return answerFound(context, known, request);
  const named = parseArchivePath(request.path);
  if (named.kind === 'problem') return named;
  const { module, version } = named;
  const asked = await askForArchive(registry, module, version, options.firstByteMs);
  switch (asked.kind) {
    case 'problem':
      return asked;
    case 'refused':
      return refuse(request, asked, options.prefix());
    case 'found':
      memory.remember(request.target, commit, asked.archive, options.caching);
      return answerFound(context, asked.archive, request);
  }
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
  if (decoded === undefined) return undecodable();
  const end = decoded.lastIndexOf('/');
  const [module, version] = [decoded.slice(0, Math.max(end, 0)), decoded.slice(end + 1)];
  if (!isModuleName(module)) {
    const reason = moduleNameProblem(module) ?? '';
    return problem('malformed', `The path names no module: ${reason}.`, {
      hint: 'ask for /user/OWNER/NAME/VERSION.zip',
    });
  }
  if (!isVersion(version)) return problem('malformed', `The path names no semantic version of ${module}.`);
  return { kind: 'name', module, version };
}

async function answerFound(
  { memory, options }: ArchiveContext,
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
    ...describeArchive(archive, options.caching),
    source: bytes ?? ((range) => orForget(archive.open(range))),
  });
}
