import type { Command } from 'commander';
import { NotFoundError } from '../../errors.ts';
import { addExamples, type CommandContext, type Run, readConfig } from '../context.ts';
import { applyEdit, editConfig } from '../edit.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { effectiveSettings, formatSetting, formatValue } from '../settings.ts';

export function defineConfig(parent: Command, run: Run): void {
  const command = parent
    .command('config')
    .summary('show or change settings')
    .description(
      'Without KEY: all settings in effect, never credentials. With KEY: its value. With VALUE: sets it in registry.toml, keeping comments.',
    )
    .argument('[key]', 'e.g. server.port')
    .argument('[value]', 'the new value; items of a list separated by commas');
  addExamples(command, [
    ['moonbit-registry config', 'Show everything.'],
    ['moonbit-registry config server.port', 'Print one value.'],
    [
      'moonbit-registry config mirror.packages "moonbitlang/*,company/*"',
      'What mirror takes without patterns.',
    ],
    ['moonbit-registry config server.upstream_fallback false', 'Serve only what is cached.'],
  ]);
  command.action((key: string | undefined, value: string | undefined) =>
    run((context) => {
      if (key === undefined) return showAll(context);
      return value === undefined ? showOne(context, key) : change(context, key, value);
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

async function change(context: CommandContext, key: string, value: string): Promise<ExitCode> {
  const { setValue } = await import('../../config/edit.ts');
  const config = await editConfig(context, (text) => setValue(text, key, value));
  const now = effectiveSettings(config).get(key);
  const served = await applyEdit(context, config);
  const lines = [now === undefined ? `${key} is set` : formatSetting(key, now)];
  const { changes = [], heldBack = [] } = served.report ?? {};
  if (changes.length > 0 || (heldBack.length > 0 && key.startsWith('sources.'))) lines.push(...served.lines);
  context.output.result({
    text: lines.join('\n'),
    json: { key, value: now ?? value, served: served.report },
  });
  return exitCodes.done;
}
