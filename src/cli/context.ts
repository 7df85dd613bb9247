import { setMaxListeners } from 'node:events';
import type { Command } from 'commander';
import type { Config, SourceConfig } from '../config/config.ts';
import { findSource } from '../config/find-source.ts';
import { UsageError } from '../errors.ts';
import type { Actor } from '../registry/record/audit.ts';
import type { Registry } from '../registry/registry.ts';
import { warnRoot } from '../registry/upkeep/owners.ts';
import { currentUser } from '../support/current-user.ts';
import type { Environment } from '../support/environment.ts';
import { shellLine } from '../support/shell.ts';
import { openModeOf } from './command-modes.ts';
import { type ExitCode, InterruptedError } from './exit-codes.ts';
import { type RegistryFolder, requireRegistry } from './folder.ts';
import type { CommandIo } from './io.ts';
import { createCommandLog } from './log.ts';
import type { Output, OutputSettings } from './output.ts';

/** What every command is given. */
export interface CommandContext {
  readonly io: CommandIo;
  readonly output: Output;
  readonly settings: OutputSettings;
  /** The command that runs, without the program's name: `source add`. */
  readonly command: string;
  /** How the registry's folder was found. */
  readonly folder: RegistryFolder;
  /** Absolute path of the registry's folder. */
  readonly directory: string;
  /** Says which folder was found where the user does not stand; once. For what changes something, or is about its settings. */
  sayFolder(): void;
  /** Runs `moonbit-registry` with other words in another folder, where this command prints. */
  runAnother(
    words: readonly string[],
    workingDirectory: string,
    surroundings?: Surroundings,
  ): Promise<ExitCode>;
}

/** What a command that is run by another finds there besides. */
interface Surroundings {
  /** Variables on top of those of the process. */
  readonly env?: Environment | undefined;
  /** Is told what it prints as its result. */
  readonly onResult?: ((text: string) => void) | undefined;
  /** Interrupts it. */
  readonly signal?: AbortSignal | undefined;
}

/** Runs a command's work with its context, once the command line is parsed. */
export type Run = (work: (context: CommandContext) => Promise<ExitCode>) => Promise<void>;

/** Adds one command to its parent. */
export type DefineCommand = (parent: Command, run: Run) => void;

/** Examples below a command's help: what to type, and what it does. */
export function addExamples(
  command: Command,
  examples: readonly (readonly [line: string, what: string])[],
): void {
  const lines = examples.map(([line, what]) => `  $ ${line}\n      ${what}`);
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** Where a registry that a command makes is looked for from: neither one above nor the variable says where a new one shall be. */
export function baseForNew({ folder, io }: CommandContext): string {
  return folder.foundBy === 'option' ? folder.directory : io.workingDirectory;
}

export async function readConfig(context: CommandContext): Promise<Config> {
  requireRegistry(context.folder);
  const { loadConfig } = await import('../config/load.ts');
  const config = await loadConfig(context.directory);
  for (const warning of config.warnings) context.output.warn(warning);
  return config;
}

/**
 * Whether the registry's index exists yet; without it there is nothing to aggregate into. Throws `StorageError` where there
 * was one and none can be used.
 */
export async function hasIndex({ directory, registry }: Config): Promise<boolean> {
  const [{ dataLayout }, { requireData }] = await Promise.all([
    import('../registry/data-layout.ts'),
    import('../registry/upkeep/init.ts'),
  ]);
  return requireData(directory, dataLayout(registry.dataDir));
}

/** Opens the registry for `work`, and closes it whatever happens. */
export async function withRegistry<T>(
  context: CommandContext,
  work: (registry: Registry) => Promise<T>,
  options: {
    readonly isOneOfSeveral?: boolean;
    /** One of several workers but the first, which says for all which folder it is about and what to mind when root runs it. */
    readonly leavesItToFirst?: boolean;
    /** The command was told to change nothing. */
    readonly onlyLooks?: boolean;
    /** What is remarkable about the settings is said before or after. */
    readonly isTold?: boolean;
  } = {},
): Promise<T> {
  requireRegistry(context.folder);
  const { onlyLooks = false, ...opening } = options;
  const mode = openModeOf(context.command, onlyLooks);
  if (mode !== 'read' && !options.leavesItToFirst) context.sayFolder();
  const { openRegistry } = await import('../registry/open.ts');
  const registry = await openRegistry({
    directory: context.directory,
    env: context.io.env,
    log: createCommandLog(context),
    actor: actorOf(context),
    mode,
    ...opening,
  });
  try {
    const { warnings, registry: place } = registry.config;
    if (mode !== 'read' && !options.leavesItToFirst) {
      const remark = await warnRoot(place.dataDir);
      if (remark !== undefined) context.output.warn(remark);
    }
    for (const warning of options.isTold ? [] : warnings) context.output.warn(warning);
    // Who hosts modules and has no source has said so.
    if (registry.config.sourcesAreImplied && !options.isTold) saySources(context, registry.config);
    return await work(registry);
  } finally {
    await registry.close();
  }
}

export function actorOf({ command }: CommandContext): Actor {
  return { user: currentUser(), command };
}

/** What counts where the file names no source. */
export function saySources({ output }: CommandContext, { sources, sourcesAreImplied }: Config): void {
  if (sourcesAreImplied) output.note('No sources configured: the mooncakes preset is implied.');
  else if (sources.length === 0) output.note('No sources configured: only what is hosted here is served.');
}

/** Gives `work` a signal that Ctrl-C aborts; a second Ctrl-C ends the process at once. */
export async function interruptible<T>(io: CommandIo, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // as many listeners as there are downloads
  const stop = io.onInterrupt(() => {
    if (controller.signal.aborted) io.exit(130);
    controller.abort(new InterruptedError());
  });
  try {
    return await work(controller.signal);
  } finally {
    stop();
  }
}

/** As `findSource`, for edits: a source that is merely implied is not in the file. */
export function findConfiguredSource(config: Config, name: string): SourceConfig {
  const source = findSource(config, name);
  if (!config.sourcesAreImplied) return source;
  throw new UsageError(`source "${name}" is implied, not configured`, {
    hint: shellLine`moonbit-registry source add ${name} --from-preset mooncakes`,
  });
}
