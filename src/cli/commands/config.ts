import type { Command } from 'commander';
import { showKey } from '../../config/config-key.ts';
import { effectiveSettings, formatSetting, formatValue } from '../../config/effective-settings.ts';
import { NotFoundError } from '../../errors.ts';
import { addExamples, type CommandContext, type Run, readConfig } from '../context.ts';
import { addLossOptions, type LossFlags, type MadeEdit, makeEdit } from '../edit.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { countsFromStart } from '../late-edits.ts';

interface Flags extends LossFlags {
  readonly unset?: true;
}

export function defineConfig(parent: Command, run: Run): void {
  const command = parent
    .command('config')
    .summary('show or change settings')
    .description(
      'Without KEY: all settings in effect; of credentials, where they are. With KEY: its value. With VALUE: sets it in registry.toml, ' +
        'keeping comments; several KEY VALUE pairs are one edit. What would leave the index is said first, and wants --yes.',
    )
    .argument('[key]', 'e.g. server.port')
    .argument('[value]', 'the new value; items of a list separated by commas')
    .argument('[more...]', 'further keys and values, for settings that need each other')
    .option(
      '--unset',
      'take settings out of registry.toml, so that their defaults count; all words are keys',
    );
  addLossOptions(command);
  addExamples(command, [
    ['moonbit-registry config', 'Show everything.'],
    ['moonbit-registry config server.port', 'Print one value.'],
    [
      'moonbit-registry config mirror.packages "moonbitlang/*,company/*"',
      'What mirror takes without patterns.',
    ],
    ['moonbit-registry config server.upstream_fallback false', 'Serve only what is cached.'],
    ['moonbit-registry config --unset server.base_url', 'Go back to what counts without it.'],
    ['moonbit-registry config mirror.auto_sync true mirror.sync_interval 6h', 'Two settings in one edit.'],
  ]);
  command.action(
    (key: string | undefined, value: string | undefined, more: readonly string[], flags: Flags) =>
      run((context) => {
        const words = [key, value, ...more].filter((word) => word !== undefined);
        if (flags.unset) return unset(context, words, flags);
        if (key === undefined) return showAll(context);
        if (value === undefined) return showOne(context, key);
        return change(context, readPairs(words), flags);
      }),
  );
}

async function showAll(context: CommandContext): Promise<ExitCode> {
  const settings = effectiveSettings(await readConfig(context));
  context.output.result({
    text: [...settings].map(([key, value]) => formatSetting(key, value)).join('\n'),
    json: Object.fromEntries(settings),
  });
  return exitCodes.done;
}

async function showOne(context: CommandContext, key: string): Promise<ExitCode> {
  const [{ getValue }, { readConfigText }] = await Promise.all([
    import('../../config/edit.ts'),
    import('../../config/load.ts'),
  ]);
  const config = await readConfig(context);
  const value = effectiveSettings(config).get(key);
  if (value === undefined) {
    getValue(await readConfigText(context.directory), key); // an unknown key is refused, with a suggestion
    throw new NotFoundError(`"${key}" is not set`);
  }
  context.output.result({ text: formatValue(value), json: { key, value } });
  return exitCodes.done;
}

type Pair = readonly [key: string, value: string];

function readPairs(words: readonly string[]): readonly Pair[] {
  const keys = words.filter((_, position) => position % 2 === 0);
  const pairs = keys.map((key, position): Pair => [key, words[2 * position + 1] ?? '']);
  if (words.length % 2 === 1)
    throw new CommandLineError('settings come in pairs of KEY and VALUE; the last has no VALUE', {
      hint: forms,
    });
  const twice = keys.find((key, position) => keys.indexOf(key) !== position);
  if (twice !== undefined) throw new CommandLineError(`"${showKey(twice)}" is set twice`, { hint: forms });
  return pairs;
}

const forms = 'usage: moonbit-registry config KEY VALUE [KEY VALUE…]';

async function change(context: CommandContext, pairs: readonly Pair[], flags: LossFlags): Promise<ExitCode> {
  const { setValues } = await import('../../config/edit-auth.ts');
  const keys = pairs.map(([key]) => key);
  const guarded = { edit: (text: string) => setValues(text, pairs), doing: 'this setting', flags };
  return makeEdit(context, guarded, ({ config, served }) => {
    const settings = effectiveSettings(config);
    const lines = pairs.map(([key]) => {
      const now = settings.get(key);
      return now === undefined ? `${key} is set` : formatSetting(key, now);
    });
    const made = pairs.map(([key, value]) => ({ key, value: settings.get(key) ?? value }));
    context.output.result({
      text: [...lines, ...describeServed(served, keys)].join('\n'),
      json: { ...(made.length === 1 ? made[0] : { settings: made }), served: served.report },
    });
    sayWhenItCounts(context, keys);
    return exitCodes.done;
  });
}

async function unset(context: CommandContext, keys: readonly string[], flags: LossFlags): Promise<ExitCode> {
  if (keys.length === 0)
    throw new CommandLineError('say which settings', {
      hint: 'usage: moonbit-registry config --unset KEY [KEY…]',
    });
  const { unsetValue } = await import('../../config/edit.ts');
  const edit = (text: string) => keys.reduce(unsetValue, text);
  return makeEdit(context, { edit, doing: 'unsetting this', flags }, ({ config, served }) => {
    const settings = effectiveSettings(config);
    const lines = keys.map((key) => {
      const now = settings.get(key);
      return `${key} is not set${now === undefined ? '' : `; in effect: ${formatSetting(key, now)}`}`;
    });
    context.output.result({
      text: [...lines, ...describeServed(served, keys)].join('\n'),
      json: { unset: keys.map((key) => ({ key, value: settings.get(key) })), served: served.report },
    });
    sayWhenItCounts(context, keys);
    return exitCodes.done;
  });
}

/** Most settings change nothing of what is served, and need not say so. */
function describeServed({ lines, report }: MadeEdit['served'], keys: readonly string[]): readonly string[] {
  const { changes = [], heldBack = [] } = report ?? {};
  const isOfSource = keys.some((key) => key.startsWith('sources.'));
  return changes.length > 0 || (heldBack.length > 0 && isOfSource) ? lines : [];
}

function sayWhenItCounts({ output }: CommandContext, keys: readonly string[]): void {
  const late = keys.filter(countsFromStart);
  if (late.length > 0) output.note(`Counts from the next start of "serve": ${late.join(', ')}.`);
}
