import { NotFoundError } from '../errors.ts';
import { parseWhen, type When, whenForms } from '../model/when.ts';
import type { Past } from '../registry/registry.ts';
import type { PastExplanation } from '../registry/sync/explain-past.ts';
import type { PastState, StateDates } from '../registry/sync/past-states.ts';
import { shellLine } from '../support/shell.ts';
import { CommandLineError } from './exit-codes.ts';

/** What `state at` and `explain --at` take. */
export function parseMoment(text: string): When {
  const when = parseWhen(text);
  if (when) return when;
  throw new CommandLineError(`"${text}" names no moment`, { hint: `write ${whenForms}` });
}

/** Throws `NotFoundError` where a moment means no state. */
export async function requireState(registry: Past, when: When): Promise<PastState> {
  const found = await registry.findState(when);
  if (found.kind === 'found') return found.state;
  const { detail, instead } = found;
  throw new NotFoundError(detail.replace(/\.$/, ''), {
    hint:
      instead === undefined ? 'moonbit-registry state log' : shellLine`moonbit-registry state at ${instead}`,
  });
}

export function formatDates({ since, until }: StateDates): string {
  return until === undefined ? `since ${since}, and now` : `from ${since} to ${until}`;
}

/** Of which moment what follows is. */
export function formatMoment(when: When, { state }: PastExplanation): string {
  const id = `state ${state.commit.slice(0, 12)}`;
  if (when.kind === 'state') return `As it was in ${id} (${formatDates(state)}):`;
  return `As it was at ${when.kind === 'day' ? 'the end of ' : ''}${when.text} (${id}, ${formatDates(state)}):`;
}

/** What has become since of what was served then. */
export function formatToday({ version, isServed: wasServed, today }: PastExplanation): string {
  const { isServed, isSame, checksum, blocks } = today;
  const [block] = blocks;
  if (!isServed && block) return `Today: ${block.isWithdrawn ? 'withdrawn' : 'blocked'}: ${block.reason}`;
  if (!isServed) return `Today: not served${wasServed ? ' any more' : ' either'}`;
  if (!wasServed) return 'Today: served';
  if (version === undefined)
    return `Today: served; ${isSame ? 'every' : 'not every'} version of then is, unchanged`;
  return isSame ? 'Today: served, the same bytes' : `Today: served with other bytes: ${checksum}`;
}
