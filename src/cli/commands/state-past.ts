/** `state log` and `state at`: which states there were, for whoever wants one of them again. */
import type { Command } from 'commander';
import { registryVariable } from '../../model/moon-client.ts';
import type { Past } from '../../registry/registry.ts';
import type { PastState } from '../../registry/sync/past-states.ts';
import { toVisibleLine } from '../../support/visible-text.ts';
import { parseWholeNumber } from '../arguments.ts';
import { addExamples, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { count, groupDigits } from '../format.ts';
import { formatDates, parseMoment, requireState } from '../past-text.ts';
import { formatTable } from '../table.ts';

const defaultCount = 20;
const maxCount = 10_000;
/** As much of an id as is shown in a table. */
const shownDigits = 12;

export function defineStateLog(parent: Command, run: Run): void {
  const command = parent
    .command('log')
    .summary('which states there were, and when')
    .description(
      'Lists the states of this registry, the newest first: each change of what is served or decided made one. None is ever forgotten.',
    )
    .option('--limit <number>', 'how many', String(defaultCount));
  addExamples(command, [
    ['moonbit-registry state log', 'What has changed lately.'],
    ['moonbit-registry state log --limit 1 --json', 'The state of now, as data.'],
  ]);
  command.action((flags: { readonly limit: string }) =>
    run((context) => {
      const limit = parseWholeNumber('--limit', flags.limit, 1, maxCount);
      return withRegistry(context, async (registry) => {
        const states = await registry.newestStates(limit);
        context.output.result({
          text: formatStates(states, context.output.width),
          json: states.map(describeState),
        });
        return exitCodes.done;
      });
    }),
  );
}

export function defineStateAt(parent: Command, run: Run): void {
  const command = parent
    .command('at')
    .summary('the state that was in force at a moment')
    .description(
      'Shows what was served at a moment, and the address at which clients get it as it was: a day (UTC; its end), a time, or the id of a state. Without one, the state of now.',
    )
    .argument('[when]', '2026-11-27, 2026-11-27T10:00:00Z, or the id of a state');
  addExamples(command, [
    ['moonbit-registry state at 2026-11-27', 'What was served at the end of that day.'],
    ['moonbit-registry state at', 'What is served now, to go on with it for ever.'],
  ]);
  command.action((text: string | undefined) =>
    run((context) => {
      const when = text === undefined ? undefined : parseMoment(text);
      return withRegistry(context, async (registry) => {
        const state = when ? await requireState(registry, when) : await currentState(registry);
        const base = registry.config.server.baseUrl ?? 'https://REGISTRY';
        context.output.result({ text: formatState(state, base), json: describeState(state) });
        return exitCodes.done;
      });
    }),
  );
}

async function currentState(registry: Past): Promise<PastState> {
  const [newest] = await registry.newestStates(1);
  if (newest) return newest;
  throw new Error('a registry that was opened has a state');
}

function describeState({ commit, since, until, summary, view }: PastState) {
  const { served, modules } = view;
  return { state: commit, since, until, served, modules, summary, path: `/at/${commit}/` };
}

function formatStates(states: readonly PastState[], width: number | undefined): string {
  const rows = states.map(({ commit, since, view, summary }) => [
    ...[commit.slice(0, shownDigits), since, groupDigits(view.modules)],
    toVisibleLine(summary),
  ]);
  return formatTable(['STATE', 'SINCE', 'MODULES', 'CHANGE'], rows, [2], width);
}

function formatState(state: PastState, base: string): string {
  const { commit, summary, view } = state;
  return [
    `State ${commit}`,
    `  Counts:   ${formatDates(state)}`,
    `  Serves:   ${count(view.modules, 'module')} at ${view.served.slice(0, shownDigits)}`,
    `  Changed:  ${toVisibleLine(summary)}`,
    '',
    'Clients get what it serves, unchanged for ever, with:',
    `  ${registryVariable}=${base}/at/${commit}`,
  ].join('\n');
}
