import { judgeReply, manifestAddress, type Verdict } from '../author/judge-reply.ts';
import type { PreparedModule } from '../author/prepare-module.ts';
import type { ArchiveToSend } from '../author/publish-form.ts';
import type { PublishingToken } from '../author/publishing-token.ts';
import { sendPublication } from '../author/send-publication.ts';
import { waitForApproval } from '../author/wait-for-approval.ts';
import { type Waited, waitUntilListed } from '../author/wait-until-listed.ts';
import { UsageError } from '../errors.ts';
import { userAgent } from '../sources/user-agent.ts';
import { systemClock } from '../support/flow/monotonic-clock.ts';
import { anyDestination } from '../support/net/destination.ts';
import { createHttpClient, type HttpClient } from '../support/net/fetch-http.ts';
import { shellLine } from '../support/shell.ts';
import type { CommandContext } from './context.ts';
import { InterruptedError } from './exit-codes.ts';
import { formatBytes, formatElapsed } from './format.ts';
import { createPace } from './progress.ts';

export interface PublishWork {
  readonly registry: string;
  readonly token: PublishingToken;
  readonly modules: readonly PreparedModule[];
  readonly isDryRun: boolean;
  /** They are to wait until somebody approves them. */
  readonly isStaged: boolean;
  /** Until they are listed. */
  readonly waits: boolean;
  readonly signal: AbortSignal;
}

export interface Published {
  readonly verdict: Exclude<Verdict['kind'], 'failed'>;
  readonly waited: Waited | undefined;
  /** Under which they wait, or waited, for approval. */
  readonly stagedId: string | undefined;
}

const waitMs = 120_000;
/** A large archive over a slow line, all attempts together; and one that is looked at for long. */
const timeouts = { totalMs: 3_600_000, firstByteMs: 120_000 };
/** Nobody sits before a command for longer than this; whoever asks for more is asked another time. */
const longestRetryAfterMs = 60_000;
const worthTellingMs = 2000;

/** Sends the modules and, where that is wanted, waits for them. Throws what the registry's refusal means. */
export async function publishModules(context: CommandContext, work: PublishWork): Promise<Published> {
  const http = createHttpClient({
    userAgent,
    timeouts,
    retry: {
      mayRetry: ({ retryAfterMs = 0 }) => retryAfterMs <= longestRetryAfterMs,
      sleep(ms, signal) {
        if (ms >= worthTellingMs)
          context.output.note(`${work.registry} is not ready; trying again in ${formatElapsed(ms)}`);
        return systemClock.sleep(ms, signal);
      },
    },
    environment: context.io.env,
    destinations: anyDestination,
  });
  const archives = work.modules.flatMap(({ id, bytes }) => (id === undefined ? [] : [{ ...id, bytes }]));
  try {
    const sent = await send(context, http, work, archives);
    const stagedId = sent.kind === 'staged' ? sent.id : undefined;
    const verdict =
      stagedId !== undefined && work.waits ? await approval(context, http, work, stagedId) : sent;
    // One that knows of one module a request alone would have taken one of them.
    const waits = verdict.kind === 'published' && (work.waits || !verdict.isSure);
    const waited = waits ? await wait(context, http, work, archives) : undefined;
    return { verdict: verdict.kind, waited, stagedId };
  } finally {
    await http.close();
  }
}

async function send(
  { output, io }: CommandContext,
  http: HttpClient,
  { registry, token, isDryRun, isStaged, signal }: PublishWork,
  archives: readonly ArchiveToSend[],
): Promise<Exclude<Verdict, { kind: 'failed' }>> {
  const isTime = createPace(io.now);
  const onProgress = (sent: number, total: number) => {
    if (!output.hasStatusLine || !isTime(sent === total ? 'all' : 'some')) return;
    output.statusLine(
      sent === total
        ? 'Sent, waiting for the answer…'
        : `Sending ${formatBytes(sent)} of ${formatBytes(total)}`,
    );
  };
  const form = { token: token.text, dryRun: isDryRun, stage: isStaged, archives };
  const sending = { registry, ...form, signal, onProgress };
  const modules = archives.map(({ module, version }) => `${module}@${version}`);
  const reply = await sendPublication(http, sending).catch((error: unknown) => {
    if (error instanceof InterruptedError && !isDryRun)
      output.warn(
        `it may have been published, as it was on its way: see ${shellLine`curl ${manifestAddress(registry, modules[0] ?? '')}`}`,
      );
    throw error;
  });
  output.statusLine(undefined);
  const verdict = judgeReply(reply, { registry, dryRun: isDryRun, tokenFrom: token.from, modules });
  if (verdict.kind === 'failed') throw verdict.error;
  if (verdict.kind === 'waiting' && reply.detail !== undefined)
    output.note(`${registry} says: ${reply.detail}`);
  if (verdict.kind === 'published' && isStaged)
    output.warn(
      `it was to wait for approval, and is published: ${registry} had these bytes before, or knows of no --stage`,
    );
  return verdict;
}

/** What becomes of what waits, as far as that is known in time. */
async function approval(
  { output }: CommandContext,
  http: HttpClient,
  { registry, token, signal }: PublishWork,
  id: string,
): Promise<Exclude<Verdict, { kind: 'failed' }>> {
  output.statusLine('Sent, waiting until somebody approves it…');
  const found = await waitForApproval(http, {
    ...{ registry, token: token.text, id, signal, limitMs: waitMs, clock: systemClock },
  }).catch((error: unknown) => {
    if (error instanceof InterruptedError)
      output.warn('it waits for approval: only the wait for that was interrupted');
    throw error;
  });
  output.statusLine(undefined);
  if (found.kind === 'dropped')
    throw new UsageError(`${registry} has not published it: ${found.why}`, {
      hint: 'correct that, and publish it again',
    });
  return found.kind === 'approved' ? { kind: 'published', isSure: true } : { kind: 'staged', id };
}

async function wait(
  { output }: CommandContext,
  http: HttpClient,
  { registry, token, signal }: PublishWork,
  versions: readonly ArchiveToSend[],
): Promise<Waited> {
  output.statusLine('Published, waiting until it is listed…');
  const found = await waitUntilListed(http, {
    ...{ registry, token: token.text, versions, signal },
    limitMs: waitMs,
    clock: systemClock,
  }).catch((error: unknown) => {
    if (error instanceof InterruptedError)
      output.warn('it is published: only the wait for the index was interrupted');
    throw error;
  });
  output.statusLine(undefined);
  return found;
}
