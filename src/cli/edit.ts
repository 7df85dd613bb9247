/** Edits of `registry.toml`, and what they did to the served index. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { ConfigError, UsageError } from '../errors.ts';
import type { SyncReport } from '../registry/reports.ts';
import { summariseChanges } from './changes.ts';
import { actorOf, type CommandContext, hasIndex, readConfig, withRegistry } from './context.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { requireRegistry } from './folder.ts';
import { formatList } from './format.ts';
import { formatHeldBack } from './held-back.ts';
import { createCommandLog } from './log.ts';
import { changesSomething, describeLosses, formatPlan } from './plan-text.ts';

export interface ServedChange {
  /** For people: what changed, then what waits and what to run; none if there is no index yet. */
  readonly lines: readonly string[];
  /** Of these, what changed. */
  readonly changed: readonly string[];
  readonly report: SyncReport | undefined;
}

/** Edits the text of `registry.toml`; validated, atomic, and the config it means then. */
export async function editConfig(context: CommandContext, edit: (text: string) => string): Promise<Config> {
  const { editConfigFile } = await import('../config/edit-file.ts');
  requireRegistry(context.folder);
  context.sayFolder();
  await refuseNewerData(context);
  let before: string | undefined;
  const config = await editConfigFile(context.directory, (text) => {
    before = text;
    return edit(text);
  });
  await auditEdit(context, before ?? '', config);
  return config;
}

/** Data that a newer program has written are no place for settings of this one: nothing is edited then. */
async function refuseNewerData(context: CommandContext): Promise<void> {
  const text = await readFile(join(context.directory, 'registry.toml'), 'utf8').catch(() => '');
  const config = await tryParse(context, text);
  if (!config || !hasIndex(config)) return;
  const { checkFormat } = await import('../index/check-format.ts');
  await checkFormat(join(config.registry.dataDir, 'index'));
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
async function tryParse({ directory }: CommandContext, text: string): Promise<Config | undefined> {
  const { parseConfig } = await import('../config/load.ts');
  try {
    return parseConfig(text, { directory });
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** Aggregates what is at hand under the edited config; asks no source. */
export async function applyEdit(context: CommandContext, config: Config): Promise<ServedChange> {
  if (!hasIndex(config)) return { lines: [], changed: [], report: undefined };
  const report = await withRegistry(context, (registry) => registry.reaggregate());
  const losses = describeLosses(report);
  const left = losses.length > 0 ? ['This left the index:', ...formatList(losses, 20)] : [];
  const changed = [`Served index: ${summariseChanges(report)}.`, ...left];
  return { lines: [...changed, ...formatHeldBack(report.heldBack)], changed, report };
}

/** What an edit would change of what is served; `undefined` where nothing is served yet. Writes and asks nothing. */
async function previewEdit(
  context: CommandContext,
  edit: (text: string) => string,
): Promise<SyncReport | undefined> {
  const before = await readConfig(context);
  const { parseEdited } = await import('../config/edit-file.ts');
  const text = await readFile(before.file, 'utf8');
  const config = parseEdited(text, edit(text), context.directory);
  if (!hasIndex(before)) return undefined;
  return withRegistry(context, (registry) => registry.plan({ config }), { keepsFormat: true });
}

/**
 * What an edit takes out of the index is said before it is made, and wants to be confirmed. Throws `UsageError` where it is not;
 * nothing has changed then.
 */
export async function confirmLosses(
  context: CommandContext,
  edit: (text: string) => string,
  doing: string,
  isConfirmed: boolean,
): Promise<void> {
  if (isConfirmed) return;
  const report = await previewEdit(context, edit);
  const losses = report ? describeLosses(report) : [];
  if (losses.length === 0) return;
  throw new UsageError(`${doing} would take out of the index:\n${formatList(losses, 50).join('\n')}`, {
    hint: 'add --yes to do it; what is cached, or listed by another enabled source with the same checksum, stays',
  });
}

export interface LossFlags {
  readonly yes?: true;
  readonly dryRun?: true;
}

/** `--dry-run` of an edit, in the words of `plan`. */
export async function showPreview(
  context: CommandContext,
  edit: (text: string) => string,
): Promise<ExitCode> {
  const report = await previewEdit(context, edit);
  context.output.result({
    text: report ? formatPlan(report) : 'Nothing is served yet.',
    json: report ?? null,
  });
  return report && changesSomething(report) ? exitCodes.doneWithFindings : exitCodes.done;
}
