import type { Command } from 'commander';
import { NotFoundError } from '../../errors.ts';
import { addExamples, type CommandContext, type Run, readConfig } from '../context.ts';
import { applyEdit, editConfig } from '../edit.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { effectiveSettings, formatSetting, formatValue } from '../settings.ts';

export function defineConfig(parent: Command, run: Run): void {
  const command = parent
    .command('config')
    .summary('show or change settings')
    .description(
      'Without KEY: all settings in effect; of credentials, where they are. With KEY: its value. With VALUE: sets it in registry.toml, ' +
        'keeping comments; several KEY VALUE pairs are one edit.',
    )
    .argument('[key]', 'e.g. server.port')
    .argument('[value]', 'the new value; items of a list separated by commas')
    .argument('[more...]', 'further keys and values, for settings that need each other');
  addExamples(command, [
    ['moonbit-registry config', 'Show everything.'],
    ['moonbit-registry config server.port', 'Print one value.'],
    [
      'moonbit-registry config mirror.packages "moonbitlang/*,company/*"',
      'What mirror takes without patterns.',
    ],
    ['moonbit-registry config server.upstream_fallback false', 'Serve only what is cached.'],
    ['moonbit-registry config mirror.auto_sync true mirror.sync_interval 6h', 'Two settings in one edit.'],
  ]);
  command.action((key: string | undefined, value: string | undefined, more: readonly string[]) =>
    run((context) => {
      if (key === undefined) return showAll(context);
      if (value === undefined) return showOne(context, key);
      return change(context, readPairs([key, value, ...more]));
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
  if (twice !== undefined) throw new CommandLineError(`"${twice}" is set twice`, { hint: forms });
  return pairs;
}

const forms = 'usage: moonbit-registry config KEY VALUE [KEY VALUE…]';

async function change(context: CommandContext, pairs: readonly Pair[]): Promise<ExitCode> {
  const { setValues } = await import('../../config/edit-auth.ts');
  const config = await editConfig(context, (text) => setValues(text, pairs));
  const settings = effectiveSettings(config);
  const served = await applyEdit(context, config);
  const lines = pairs.map(([key]) => {
    const now = settings.get(key);
    return now === undefined ? `${key} is set` : formatSetting(key, now);
  });
  const { changes = [], heldBack = [] } = served.report ?? {};
  const isOfSource = pairs.some(([key]) => key.startsWith('sources.'));
  if (changes.length > 0 || (heldBack.length > 0 && isOfSource)) lines.push(...served.lines);
  const made = pairs.map(([key, value]) => ({ key, value: settings.get(key) ?? value }));
  context.output.result({
    text: lines.join('\n'),
    json: { ...(made.length === 1 ? made[0] : { settings: made }), served: served.report },
  });
  return exitCodes.done;
}
