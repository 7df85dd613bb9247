import { createStagedClient, type StagedDesk } from '../author/staged-client.ts';
import { rejectHint } from '../author/staged-reader.ts';
import { NotFoundError, UsageError } from '../errors.ts';
import type { Checksum } from '../model/checksum.ts';
import { detailOf, type PublishOutcome } from '../registry/hosting/publish-outcome.ts';
import { describeContents, describeStaged } from '../registry/hosting/staging/describe-staged.ts';
import type { Staging } from '../registry/hosting/staging/staging.ts';
import { userAgent } from '../sources/user-agent.ts';
import { currentUser } from '../support/current-user.ts';
import { anyDestination } from '../support/net/destination.ts';
import { createHttpClient } from '../support/net/fetch-http.ts';
import { type CommandContext, interruptible, withRegistry } from './context.ts';
import { CommandLineError } from './exit-codes.ts';
import { chooseTarget } from './publish-target.ts';

export interface DeskFlags {
  readonly registry?: string;
  readonly tokenEnv?: string;
}

/** Works with what waits in the registry's directory, or at the registry that is named. */
export async function withStagedDesk<T>(
  context: CommandContext,
  flags: DeskFlags,
  work: (desk: StagedDesk) => Promise<T>,
): Promise<T> {
  if (flags.registry !== undefined) return withRemote(context, flags, work);
  if (flags.tokenEnv !== undefined)
    throw new CommandLineError('--token-env is for --registry: in its directory nobody needs a token', {
      hint: `moonbit-registry ${context.command} --registry https://moon.company.com --token-env NAME`,
    });
  return withRegistry(context, ({ staging }) => work(createLocalDesk(staging)));
}

async function withRemote<T>(
  context: CommandContext,
  flags: DeskFlags,
  work: (desk: StagedDesk) => Promise<T>,
): Promise<T> {
  const { registry, token } = await chooseTarget(context, { ...flags, stage: true, may: 'admin' });
  if (token === undefined) throw new Error('no token was chosen');
  const http = createHttpClient({
    userAgent,
    environment: context.io.env,
    destinations: anyDestination,
  });
  try {
    const place = { registry, token: token.text, tokenFrom: token.from };
    return await interruptible(context.io, (signal) => work(createStagedClient(http, place, signal)));
  } finally {
    await http.close();
  }
}

function createLocalDesk(staging: Staging): StagedDesk {
  const by = { kind: 'operator', user: currentUser() } as const;
  return {
    list: async () => (await staging.list()).map((one) => describeStaged(one, true)),
    async show(id) {
      const details = await staging.show(id as Checksum);
      if (!details) throw await nothingWaits(staging, id);
      return describeContents(details, true);
    },
    async read(id, checksum) {
      const bytes = await staging.read(id as Checksum, checksum as Checksum);
      if (!bytes) throw await nothingWaits(staging, id);
      return bytes;
    },
    async approve(id) {
      const outcome = await staging.approve(id as Checksum, by);
      if (outcome.kind === 'published' || outcome.kind === 'already-published') return;
      throw refused(`approve ${id}`, outcome);
    },
    async reject(id, reason) {
      const failure = await staging.reject(id as Checksum, by, reason);
      if (failure) throw refused(`reject ${id}`, failure);
    },
  };
}

async function nothingWaits(staging: Staging, id: string): Promise<NotFoundError> {
  const decision = (await staging.find(id as Checksum))?.decision;
  return new NotFoundError(
    decision ? `${id} waits no more: it was ${decision.kind}` : `nothing waits for approval as ${id}`,
    { hint: 'moonbit-registry staged list --all' },
  );
}

function refused(doing: string, outcome: PublishOutcome): Error {
  const detail = detailOf(outcome) ?? outcome.kind;
  const message = `cannot ${doing}: ${detail.replace(/\.$/, '')}`;
  return outcome.kind === 'not-waiting'
    ? new NotFoundError(message, { hint: 'moonbit-registry staged list --all' })
    : new UsageError(message, { hint: rejectHint });
}
