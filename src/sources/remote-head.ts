import { found, type Lookup, type SourceFailure, unavailable } from '../model/lookup.ts';
import { runGit } from '../support/git/git.ts';
import type { HttpResponse } from '../support/net/http-request.ts';
import { showUrl } from '../support/redact.ts';
import {
  type GitContext,
  type GitTransport,
  gitFailure,
  remoteGitEnvironment,
  transportOf,
  withinFetchTime,
} from './git-context.ts';
import { withGitDirectory } from './git-directory.ts';
import { askHttp, isWebPage, readBody } from './http-answer.ts';
import {
  describeBranches,
  findBranch,
  type ParsedRefs,
  parseRefLines,
  parseSmartRefs,
  type RemoteHead,
  type RemoteRefs,
  selectHead,
} from './remote-refs.ts';

/** A source's index as its server announces it now. */
export interface RemoteIndex extends RemoteHead {
  readonly transport: GitTransport;
  /** Where git finds it: after redirects, for HTTP. */
  readonly url: string;
  readonly supportsShallow: boolean;
  /** Whether the server says that its own sources are not current. */
  readonly isStale: boolean;
}

const service = '/info/refs?service=git-upload-pack';
const smartType = 'application/x-git-upload-pack-advertisement';
const maxRefsBytes = 8 * 1024 * 1024;
const maxHeadBytes = 4096;

/**
 * Asks where the default branch is, or the one that is configured. Over HTTP that is one request (two for a dumb server with several branches),
 * made without git so that its outcome is known and not guessed from git's words.
 */
export async function readRemoteHead(
  context: GitContext,
  signal: AbortSignal,
  retries?: number,
): Promise<Lookup<RemoteIndex>> {
  const transport = transportOf(context.config.indexUrl);
  if (transport === undefined)
    return bad(context, 'is not an address that a git repository can be read from');
  return withinFetchTime(context, signal, (limited) =>
    transport === 'http' ? readHttpHead(context, limited, retries) : listRemote(context, transport, limited),
  );
}

async function readHttpHead(
  context: GitContext,
  signal: AbortSignal,
  retries: number | undefined,
): Promise<Lookup<RemoteIndex>> {
  const base = context.config.indexUrl.replace(/\/+$/, '');
  const answer = await askHttp(context, { url: base + service, isSmall: true, signal, retries });
  if (answer.kind === 'failed') return unavailable(answer.cause);
  if (answer.kind === 'not-modified') return bad(context, 'answered a question that was not asked');
  if (answer.kind === 'missing')
    return bad(context, `holds no git repository (HTTP ${answer.status})`, answer.status);
  const { response } = answer;
  if (isWebPage(response)) {
    response.discard();
    return bad(context, 'answers with a web page instead of a git repository');
  }
  const body = await readBody(response, maxRefsBytes, signal);
  if (body.kind !== 'found') return body;
  const url = repositoryUrl(response);
  if (url === undefined)
    return bad(context, `redirects to ${showUrl(response.url)}, which is no git repository`);
  const head = isSmart(response)
    ? toIndex(context, 'smart-http', url, parseSmartRefs(body.value, context.credentials.mask))
    : await readDumbHead(context, url, parseRefLines(body.value.toString()), signal, retries);
  return head.kind === 'found' ? found({ ...head.value, isStale: saysStale(response) }) : head;
}

/** `Warning: 110` is "response is stale" (RFC 7234 §5.5.1): what our own server sends while a source of its is. */
function saysStale(response: HttpResponse): boolean {
  return /(^|,)\s*110\s/.test(response.headers.warning ?? '');
}

function isSmart(response: HttpResponse): boolean {
  return response.headers['content-type']?.split(';')[0]?.trim().toLowerCase() === smartType;
}

/** The repository behind the address that answered, for git to use: it is told not to follow redirects itself. */
function repositoryUrl(response: HttpResponse): string | undefined {
  return response.url.endsWith(service) ? response.url.slice(0, -service.length) : undefined;
}

/** A plain file server lists its branches but not which is the default: with more than one, the file HEAD tells. */
async function readDumbHead(
  context: GitContext,
  url: string,
  parsed: ParsedRefs,
  signal: AbortSignal,
  retries: number | undefined,
): Promise<Lookup<RemoteIndex>> {
  if (parsed.kind === 'malformed') return bad(context, 'is not a git repository');
  const branches = [...parsed.refs.refs.keys()].filter((name) => name.startsWith('refs/heads/'));
  if (branches.length <= 1 || context.config.indexBranch !== undefined)
    return toIndex(context, 'dumb-http', url, withHead(parsed, branches[0]));
  const answer = await askHttp(context, { url: `${url}/HEAD`, isSmall: true, signal, retries });
  if (answer.kind === 'failed') return unavailable(answer.cause);
  if (answer.kind !== 'ok') return toIndex(context, 'dumb-http', url, parsed);
  const body = await readBody(answer.response, maxHeadBytes, signal);
  if (body.kind !== 'found') return body;
  const target = /^ref: (\S+)\s*$/.exec(body.value.toString())?.[1];
  return toIndex(context, 'dumb-http', url, withHead(parsed, target));
}

function withHead(parsed: ParsedRefs, headTarget: string | undefined): ParsedRefs {
  return parsed.kind === 'malformed' ? parsed : { kind: 'refs', refs: { ...parsed.refs, headTarget } };
}

async function listRemote(
  context: GitContext,
  transport: 'file' | 'ssh',
  signal: AbortSignal,
): Promise<Lookup<RemoteIndex>> {
  const url = context.config.indexUrl;
  try {
    const output = await withGitDirectory(context, undefined, async ({ path, variables }) =>
      runGit(['ls-remote', '--symref', '--', url], {
        gitDir: path,
        env: { ...(await remoteGitEnvironment(context, url)), ...variables },
        signal,
        timeoutMs: context.timeouts.totalMs,
        maxStdoutBytes: maxRefsBytes,
      }),
    );
    return toIndex(context, transport, url, parseRefLines(output.toString()));
  } catch (error) {
    const cause = gitFailure(context, transport, error);
    if (cause === undefined) throw error;
    return unavailable(cause);
  }
}

function toIndex(
  context: GitContext,
  transport: GitTransport,
  url: string,
  parsed: ParsedRefs,
): Lookup<RemoteIndex> {
  if (parsed.kind === 'malformed') return bad(context, `cannot be read: ${parsed.reason}`);
  if (parsed.refs.refs.size === 0) return bad(context, 'is empty: it has no commit yet');
  const { indexBranch } = context.config;
  const head = indexBranch === undefined ? selectHead(parsed.refs) : findBranch(parsed.refs, indexBranch);
  if (head === undefined && indexBranch !== undefined)
    return bad(context, `has no branch "${indexBranch}" (index_branch); ${describeBranches(parsed.refs)}`);
  if (head === undefined)
    return bad(
      context,
      'has no default branch: HEAD points nowhere, and there is neither "main" nor "master"',
    );
  const canBeShallow = supportsShallow(transport, parsed.refs);
  return found({ ...head, transport, url, supportsShallow: canBeShallow, isStale: false });
}

function supportsShallow(transport: GitTransport, refs: RemoteRefs): boolean {
  if (transport === 'smart-http') return refs.capabilities.includes('shallow');
  return transport !== 'dumb-http';
}

function bad<T>(context: GitContext, what: string, status?: number): Lookup<T> {
  const detail = `the git index ${showUrl(context.config.indexUrl)} ${what}`;
  const cause: SourceFailure = { reason: 'bad-answer', detail, status };
  return unavailable(cause);
}
