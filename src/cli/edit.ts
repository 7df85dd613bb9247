/** Edits of `registry.toml`, and what they did to the served index. */
import type { Config } from '../config/config.ts';
import type { SyncReport } from '../registry/reports.ts';
import { summariseChanges } from './changes.ts';
import { type CommandContext, hasIndex, withRegistry } from './context.ts';

export interface ServedChange {
  /** For people: one line, or none if there is no index yet. */
  readonly lines: readonly string[];
  readonly report: SyncReport | undefined;
}

/** Edits the text of `registry.toml`; validated, atomic, and the config it means then. */
export async function editConfig(context: CommandContext, edit: (text: string) => string): Promise<Config> {
  const { editConfigFile } = await import('../config/edit-file.ts');
  return editConfigFile(context.directory, context.io.env, edit);
}

/** Aggregates what is at hand under the edited config; asks no source. */
export async function applyEdit(context: CommandContext, config: Config): Promise<ServedChange> {
  if (!hasIndex(config)) return { lines: [], report: undefined };
  const report = await withRegistry(context, (registry) => registry.reaggregate());
  return { lines: [`Served index: ${summariseChanges(report)}.`], report };
}
