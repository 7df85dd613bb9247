/** Edits of `registry.toml`, and what they did to the served index. */
import type { Config } from '../config/config.ts';
import { ConfigError } from '../errors.ts';
import type { SyncReport } from '../registry/reports.ts';
import { summariseChanges } from './changes.ts';
import { actorOf, type CommandContext, hasIndex, withRegistry } from './context.ts';
import { createCommandLog } from './log.ts';

export interface ServedChange {
  /** For people: one line, or none if there is no index yet. */
  readonly lines: readonly string[];
  readonly report: SyncReport | undefined;
}

/** Edits the text of `registry.toml`; validated, atomic, and the config it means then. */
export async function editConfig(context: CommandContext, edit: (text: string) => string): Promise<Config> {
  const { editConfigFile } = await import('../config/edit-file.ts');
  let before: string | undefined;
  const config = await editConfigFile(context.directory, context.io.env, (text) => {
    before = text;
    return edit(text);
  });
  await auditEdit(context, before ?? '', config);
  return config;
}

async function auditEdit(context: CommandContext, before: string, config: Config): Promise<void> {
  if (!hasIndex(config)) return;
  const [{ openAudit }, { describeConfigChanges }] = await Promise.all([
    import('../registry/audit.ts'),
    import('../registry/config-changes.ts'),
  ]);
  const changes = describeConfigChanges(await tryParse(context, before), config);
  const audit = openAudit({
    dataDir: config.registry.dataDir,
    actor: actorOf(context),
    log: createCommandLog(context),
    now: () => new Date(context.io.now()),
  });
  if (changes.length > 0) await audit.record([{ event: 'config-changed', changes }]);
}

/** What the file meant before; nothing if it did not load, which an edit may have mended. */
async function tryParse({ directory, io }: CommandContext, text: string): Promise<Config | undefined> {
  const { parseConfig } = await import('../config/load.ts');
  try {
    return parseConfig(text, { directory, env: io.env });
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** Aggregates what is at hand under the edited config; asks no source. */
export async function applyEdit(context: CommandContext, config: Config): Promise<ServedChange> {
  if (!hasIndex(config)) return { lines: [], report: undefined };
  const report = await withRegistry(context, (registry) => registry.reaggregate());
  return { lines: [`Served index: ${summariseChanges(report)}.`], report };
}
