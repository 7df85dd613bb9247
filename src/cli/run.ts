import type { Command } from 'commander';
import { ConfigError, StorageError } from '../errors.ts';
import { unlessFileFailure } from '../support/disk/disk-errors.ts';
import { defineComplete } from './complete.ts';
import type { CommandContext, Run } from './context.ts';
import { type ExitCode, exitCodeOf, exitCodes } from './exit-codes.ts';
import { describeFailure } from './failure.ts';
import { describeFolder, findFolder, folderVariable } from './folder.ts';
import type { CommandIo, Io, OutputStream } from './io.ts';
import { createOutput, type LogFormat, type OutputSettings } from './output.ts';
import { createProgram, fullName, HelpShown } from './program.ts';
import { onInterruptOrHangUp } from './signals.ts';
import { columnsOf } from './terminal.ts';

/** The whole CLI: words in, words out, and the exit code. Never throws. */
export async function runCli(words: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done;
  let command = '';
  const run: Run = async (work) => {
    const context = createContext(program, command, io);
    try {
      exitCode = await work(context);
    } catch (error) {
      if (error instanceof ConfigError && error.problems.length > 0) context.sayFolder();
      throw await explainRefusal(error, context);
    } finally {
      context.output.statusLine(undefined);
    }
  };
  const program = createProgram({
    run,
    writeHelp: (text) => createOutput(io, guessSettings(words)).help(text),
    columns: columnsOf(io.stdout, io.env),
  });
  defineComplete(program, run);
  program.hook('preAction', (_, chosen) => {
    command = fullName(chosen).split(' ').slice(1).join(' ');
  });
  try {
    await program.parseAsync(words, { from: 'user' }).catch((error: unknown) => {
      if (!(error instanceof HelpShown)) throw error;
    });
    // What nobody got was not done, however well the work went.
    if (io.waitsForReaders()) await createOutput(io, guessSettings(words)).delivered();
    return exitCode;
  } catch (error) {
    return reportFailure(error, io, guessSettings(words));
  }
}

/** Files of other users are behind what looks like damage, and behind refusals without a name. */
async function explainRefusal(error: unknown, { directory }: CommandContext): Promise<unknown> {
  if (!(unlessFileFailure(error) instanceof StorageError)) return error;
  const { withOwners } = await import('../registry/upkeep/owners.ts');
  return withOwners(error, directory);
}

interface Options {
  readonly dir?: string;
  readonly json?: true;
  readonly quiet?: true;
  readonly verbose?: true;
  readonly logFormat?: LogFormat;
}

function createContext(program: Command, command: string, io: Io): CommandContext {
  const options = program.opts<Options>();
  const settings = {
    json: options.json ?? false,
    quiet: options.quiet ?? false,
    verbose: options.verbose ?? false,
    logFormat: options.logFormat ?? 'text',
  };
  const output = createOutput(io, settings);
  const folder = findFolder({ option: options.dir, env: io.env, workingDirectory: io.workingDirectory });
  let isSaid = false;
  return {
    io: withoutStreams(io),
    command,
    settings,
    output,
    folder,
    directory: folder.directory,
    sayFolder() {
      const said = isSaid ? undefined : describeFolder(folder);
      if (said !== undefined) output.note(said);
      isSaid = true;
    },
    runAnother: (words, workingDirectory, { env, onResult, signal } = {}) =>
      runCli(words, {
        ...io,
        // It ends with the command that runs it.
        onInterrupt: orOnAbort(onInterruptOrHangUp(io), signal),
        onHangUp: () => () => {},
        env: { ...io.env, [folderVariable]: undefined, ...env },
        // With --json, stdout carries the one document of this command.
        stdout: overheard(settings.json ? io.stderr : io.stdout, onResult),
        workingDirectory,
      }),
  };
}

/** Whoever was interrupted already is not a second time: that would end the process at once. */
function orOnAbort(onInterrupt: Io['onInterrupt'], signal: AbortSignal | undefined): Io['onInterrupt'] {
  if (!signal) return onInterrupt;
  return (listener) => {
    let isInterrupted = false;
    const stop = onInterrupt(() => {
      isInterrupted = true;
      listener();
    });
    const onAbort = () => {
      if (!isInterrupted) listener();
    };
    signal.addEventListener('abort', onAbort);
    return () => {
      stop();
      signal.removeEventListener('abort', onAbort);
    };
  };
}

function overheard(stream: OutputStream, onText: ((text: string) => void) | undefined): OutputStream {
  if (!onText) return stream;
  return {
    ...{ isTTY: stream.isTTY, columns: stream.columns },
    settled: async () => stream.settled?.(),
    write(text) {
      onText(text);
      return stream.write(text);
    },
  };
}

function withoutStreams({ stdout: _, stderr: __, ...io }: Io): CommandIo {
  return io;
}

function reportFailure(error: unknown, io: Io, settings: OutputSettings): ExitCode {
  const output = createOutput(io, settings);
  output.failure(error);
  if (settings.json) {
    const { code, message, hint, problems } = describeFailure(error);
    output.result({
      text: '',
      json: { error: { code, message, hint, ...(problems.length > 0 && { problems }) } },
    });
  }
  return exitCodeOf(error);
}

/** How to report a failure, also where the command line could not be parsed. */
function guessSettings(words: readonly string[]): OutputSettings {
  const end = words.indexOf('--');
  const options = new Set(end < 0 ? words : words.slice(0, end));
  const isCluster = (letter: string) =>
    [...options].some((word) => /^-[qv]+$/.test(word) && word.includes(letter));
  return {
    json: options.has('--json'),
    quiet: options.has('--quiet') || isCluster('q'),
    verbose: options.has('--verbose') || isCluster('v'),
    logFormat: guessLogFormat(words),
  };
}

function guessLogFormat(words: readonly string[]): LogFormat {
  const isJson = words.some(
    (word, position) =>
      word === '--log-format=json' || (word === 'json' && words[position - 1] === '--log-format'),
  );
  return isJson ? 'json' : 'text';
}
