import { type Answer, type AppRequest, problem } from '../../http/answer.ts';
import { answerEntity } from '../../http/entity.ts';
import { decodePath } from '../../http/target.ts';
import { parseAssetPath } from '../../registry/deliver/assets/asset-path.ts';
import type { ServedFile } from '../../registry/deliver/served-bytes.ts';
import type { FileServing } from '../../registry/registry.ts';
import { type GuardedRoute, readsModule } from '../access.ts';
import { lookupProblem, undecodable } from '../problems.ts';
import { describeBlock } from './refusal.ts';
import { refuse, type WhyOptions } from './why-routes.ts';

/** `symbols.zip` and prebuilt wasm (moon-protocol §4, §5): files that clients fetch beside archives. */
export function createFileRoutes(registry: FileServing, options: Pick<WhyOptions, 'prefix'>): GuardedRoute[] {
  return [
    {
      methods: ['GET', 'HEAD'],
      pattern: /^\/symbols\.zip$/,
      handle: async (request) => answerFile(request, await registry.symbols(), 'application/zip'),
    },
    {
      methods: ['GET', 'HEAD'],
      pattern: /^\/(assets|prebuild)\/./,
      need: (path) => readsModule(parseAssetPath(decodeAsset(path) ?? '')?.module),
      handle: (request) => answerAsset(registry, request, options.prefix()),
    },
  ];
}

function decodeAsset(path: string): string | undefined {
  return decodePath(path.slice(path.indexOf('/', 1) + 1));
}

async function answerAsset(registry: FileServing, request: AppRequest, prefix: string): Promise<Answer> {
  const decoded = decodeAsset(request.path);
  if (decoded === undefined) return undecodable();
  // Always a true 404 (trap 21): the client takes anything else for a broken registry.
  const named = parseAssetPath(decoded);
  if (!named)
    return problem('absent', 'There is no such file.', {
      hint: 'prebuilt files are named OWNER/NAME@VERSION/[PACKAGE/]FILE.wasm and FILE.wasm.sha256',
    });
  const outcome = await registry.openAsset(decoded);
  if (outcome.kind === 'blocked') return refuse(request, describeBlock(named, outcome.block), prefix);
  if (outcome.kind !== 'found') return lookupProblem(`The file ${decoded}`, outcome);
  const type = decoded.endsWith('.wasm') ? 'application/wasm' : 'text/plain; charset=utf-8';
  return answerFile(request, outcome.value, type);
}

function answerFile(request: AppRequest, { etag, sizeBytes, content }: ServedFile, type: string): Answer {
  return answerEntity(request, {
    etag,
    sizeBytes,
    // Not immutable: a rebuilt file and its checksum must be seen together, so caches ask every time.
    headers: { 'Content-Type': type, 'Cache-Control': 'no-cache, no-transform' },
    source: content,
  });
}
