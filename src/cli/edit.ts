/** Edits of `registry.toml`, and what they did to the served index. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { ConfigError, UsageError } from '../errors.ts';
import type { Operating } from '../registry/registry.ts';
import type { SyncReport } from '../registry/sync/sync-report.ts';
import { summariseChanges } from './changes.ts';
import { actorOf, type CommandContext, hasIndex, withRegistry } from './context.ts';
import { type DataMove, leavesLostData, lookAtDataOf, requireMovable, takeWhatIsThere } from './data-move.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { requireRegistry } from './folder.ts';
import { formatList } from './format.ts';
import { formatHeldBack } from './held-back.ts';
import { createCommandLog } from './log.ts';
import { changesSomething, describeLosses, formatLosses, formatPlan } from './plan-text.ts';

interface ServedChange {
  /** Lines for people: what changed, then what waits and what to run; none if there is no index yet. */
  readonly lines: readonly string[];
  /** Those of `lines` that say what changed. */
  readonly changed: readonly string[];
  readonly report: SyncReport | undefined;
}

/**
 * Edits the text of `registry.toml`; validated, atomic, and the config it means then. Alone only for what the served index does not
 * depend on: see `makeEdit`.
 */
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
  if (!config || (await lookAtDataOf(config)).kind !== 'there') return;
  const { checkFormat } = await import('../index/check-format.ts');
  await checkFormat(join(config.registry.dataDir, 'index'));
}

async function auditEdit(context: CommandContext, before: string, config: Config): Promise<void> {
  if ((await lookAtDataOf(config)).kind !== 'there') return;
  const [{ openAudit }, { describeConfigChanges }] = await Promise.all([
    import('../registry/record/audit.ts'),
    import('../registry/sync/config-changes.ts'),
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
async function applyEdit(context: CommandContext, config: Config): Promise<ServedChange> {
  if (!(await hasIndex(config))) return { lines: [], changed: [], report: undefined };
  const report = await withRegistry(context, (registry) => registry.reaggregate());
  const changed = [`Served index: ${summariseChanges(report)}.`, ...formatLosses(report)];
  return { lines: [...changed, ...formatHeldBack(report.heldBack)], changed, report };
}

export interface LossFlags {
  readonly yes?: true;
  readonly dryRun?: true;
}

export interface MadeEdit {
  readonly config: Config;
  readonly served: ServedChange;
}

interface GuardedEdit {
  readonly edit: (text: string) => string;
  /** Begins "… would take out of the index", such as `disabling "partner"`. */
  readonly doing: string;
  readonly flags: LossFlags;
}

/**
 * The way of every edit that may change what is served: what would leave the index is said before, and wants `--yes`; with
 * `--dry-run` what would change is shown and nothing done; otherwise the edit is made, counts at once, and is told. Throws
 * `UsageError` where `--yes` is missing; nothing has changed then. Settings that did not load have no guard: nothing is served
 * by them that could be compared.
 */
export async function makeEdit(
  context: CommandContext,
  { edit, doing, flags }: GuardedEdit,
  tell: (made: MadeEdit) => ExitCode | Promise<ExitCode>,
): Promise<ExitCode> {
  const move = await readMove(context, edit);
  if (move && !flags.yes) await requireMovable(move);
  if (flags.dryRun) return showPreview(context, edit);
  if (!flags.yes) refuseLosses(doing, (await previewEdit(context, edit)).report);
  await requireWritableData(context, edit);
  const config = await editConfig(context, edit);
  if (move) await takeWhatIsThere(move);
  return tell({ config, served: await applyEdit(context, config) });
}

/** An edit counts once the served index follows it: where the data take nothing, the settings stay as they are, too. */
async function requireWritableData(context: CommandContext, edit: (text: string) => string): Promise<void> {
  const [{ readConfigText }, { dataLayout }, { probeDisk }] = await Promise.all([
    import('../config/load.ts'),
    import('../registry/data-layout.ts'),
    import('../registry/upkeep/probe-disk.ts'),
  ]);
  const config = await tryParse(context, edit(await readConfigText(context.directory)));
  if (config && (await lookAtDataOf(config)).kind === 'there')
    await probeDisk(dataLayout(config.registry.dataDir));
}

/** The settings before and after an edit that moves the data folder. */
async function readMove(
  context: CommandContext,
  edit: (text: string) => string,
): Promise<DataMove | undefined> {
  const [{ parseEdited }, { readConfigText }] = await Promise.all([
    import('../config/edit-file.ts'),
    import('../config/load.ts'),
  ]);
  requireRegistry(context.folder);
  const text = await readConfigText(context.directory);
  const before = await tryParse(context, text);
  const after = before && parseEdited(text, edit(text), context.directory);
  if (!before || !after || before.registry.dataDir === after.registry.dataDir) return undefined;
  return { before, after };
}

/** Adds the options that `makeEdit` takes. */
export function addLossOptions(command: Command): void {
  command
    .option('--yes', 'although something leaves the index')
    .option('--dry-run', 'show what would change, and change nothing');
}

/** What an edit would mean, and change of what is served: `undefined` where nothing is served yet. Writes and asks nothing. */
export async function previewEdit(
  context: CommandContext,
  edit: (text: string) => string,
): Promise<{ readonly config: Config; readonly report: SyncReport | undefined }> {
  requireRegistry(context.folder);
  const [{ parseEdited }, { readConfigText }] = await Promise.all([
    import('../config/edit-file.ts'),
    import('../config/load.ts'),
  ]);
  const text = await readConfigText(context.directory);
  const config = parseEdited(text, edit(text), context.directory);
  const before = await tryParse(context, text);
  if (!before || (await leavesLostData(before, config)) || !(await hasIndex(before)))
    return { config, report: undefined };
  // What would be served from another data folder is not known: settings are compared on the data at hand.
  const { dataDir } = before.registry;
  const compared = { ...config, registry: { ...config.registry, dataDir } };
  const plan = (registry: Operating) => registry.plan({ config: compared });
  return { config, report: await withRegistry(context, plan, { onlyLooks: true, isTold: true }) };
}

/** What an edit would make of the settings, with each that changes in a line. Writes nothing. */
export async function previewSettings(
  context: CommandContext,
  edit: (text: string) => string,
): Promise<{ readonly config: Config; readonly changes: readonly string[] }> {
  requireRegistry(context.folder);
  const [{ parseEdited }, { readConfigText }, { describeConfigChanges }] = await Promise.all([
    import('../config/edit-file.ts'),
    import('../config/load.ts'),
    import('../registry/sync/config-changes.ts'),
  ]);
  const text = await readConfigText(context.directory);
  const config = parseEdited(text, edit(text), context.directory);
  return { config, changes: describeConfigChanges(await tryParse(context, text), config) };
}

function refuseLosses(doing: string, report: SyncReport | undefined): void {
  const losses = report ? describeLosses(report) : [];
  if (losses.length === 0) return;
  throw new UsageError(`${doing} would take out of the index:\n${formatList(losses, 50).join('\n')}`, {
    hint: 'add --yes to do it; what is cached, or listed by another enabled source with the same checksum, stays',
  });
}

/** In the words of `plan`. */
async function showPreview(context: CommandContext, edit: (text: string) => string): Promise<ExitCode> {
  const { report } = await previewEdit(context, edit);
  context.output.result({ text: formatPreview(report), json: report ?? null });
  return exitCodeOfPreview(report);
}

export function formatPreview(report: SyncReport | undefined): string {
  return report ? formatPlan(report) : 'Nothing is served yet.';
}

export function exitCodeOfPreview(report: SyncReport | undefined): ExitCode {
  return report && changesSomething(report) ? exitCodes.doneWithFindings : exitCodes.done;
}
