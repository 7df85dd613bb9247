import { type Answer, type AppRequest, problem, redirect } from '../../http/answer.ts';
import type { FileServing, Resolution } from '../../registry/registry.ts';
import { type GuardedRoute, readsModule } from '../access.ts';
import { askForArchive } from './ask-archive.ts';
import { type Refusal, refusalProblem } from './refusal.ts';
import { formatWhyPath, isTrueAddress, parseWhyPath } from './why-path.ts';

export interface WhyOptions {
  /** As in `BaseAddress`. */
  readonly prefix: () => string;
  /** As for the archive itself, whose state this tells. */
  readonly firstByteMs: number;
}

/**
 * `/why/…`: where a client is sent that shows people nothing of a refusal but its last address and status line. What the
 * address says is no proof of anything: it is decided anew, from what is so now.
 */
export function createWhyRoutes(registry: FileServing & Resolution, options: WhyOptions): GuardedRoute[] {
  return [
    {
      methods: ['GET', 'HEAD'],
      pattern: /^\/why\/./,
      need: (path) => readsModule(parseWhyPath(path)?.module),
      handle: (request) => answerWhy(registry, request, options),
    },
  ];
}

async function answerWhy(
  registry: FileServing & Resolution,
  request: AppRequest,
  { prefix, firstByteMs }: WhyOptions,
): Promise<Answer> {
  const named = parseWhyPath(request.path);
  if (!named)
    return problem('absent', 'This address says nothing about an archive.', {
      hint: 'they are written /why/REASON/OWNER/NAME@VERSION',
    });
  const { module, version } = named;
  const asked = await askForArchive(registry, module, version, firstByteMs);
  switch (asked.kind) {
    case 'problem':
      return asked;
    case 'found':
      return problem('absent', `${module}@${version} is not refused: it can be had here now.`, {
        hint: 'ask for the archive again, e.g. run moon once more',
      });
    case 'refused':
      // Another reason or date would stand in the client's message, and be wrong.
      return isTrueAddress(named, asked) ? refusalProblem(asked) : redirectToWhy(asked, prefix());
  }
}

/** As the client can show it: `moon` prints of a failed download its status line and its last address, and no text. */
export function refuse(request: AppRequest, refusal: Refusal, prefix: string): Answer {
  return isMoon(request) ? redirectToWhy(refusal, prefix) : refusalProblem(refusal);
}

function redirectToWhy(refusal: Refusal, prefix: string): Answer {
  return redirect(`${prefix}${formatWhyPath(refusal)}`);
}

/** It says `mooncake/0.1.0` (moon-protocol §3), as another registry of this kind does for sources that want to hear it. */
function isMoon({ headers }: AppRequest): boolean {
  return /^mooncake\/(?!.*moonbit-registry\/)/i.test(headers['user-agent'] ?? '');
}
