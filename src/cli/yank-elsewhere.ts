import { sendYank } from '../author/send-yank.ts';
import type { YankOutcome, YankRuling } from '../registry/hosting/yank.ts';
import { userAgent } from '../sources/user-agent.ts';
import { anyDestination } from '../support/net/destination.ts';
import { createHttpClient } from '../support/net/fetch-http.ts';
import { type CommandContext, interruptible } from './context.ts';
import { chooseTarget } from './publish-target.ts';

/** On another registry, with a token for it. Throws what it says against it. */
export async function yankElsewhere(
  context: CommandContext,
  ruling: YankRuling,
  where: { readonly registry: string; readonly tokenEnv: string | undefined },
): Promise<Extract<YankOutcome, { kind: 'done' }>> {
  const { registry, token } = await chooseTarget(context, {
    registry: where.registry,
    may: 'yank',
    ...(where.tokenEnv === undefined ? {} : { tokenEnv: where.tokenEnv }),
  });
  const http = createHttpClient({ userAgent, environment: context.io.env, destinations: anyDestination });
  try {
    const sent = await interruptible(context.io, (signal) =>
      sendYank(http, registry, { token: token?.text ?? '', yank: ruling, signal }),
    );
    return { kind: 'done', ...sent };
  } finally {
    await http.close();
  }
}
