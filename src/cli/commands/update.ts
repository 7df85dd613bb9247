import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { NotFoundError, UsageError } from '../../errors.ts';
import { registryVariable } from '../../model/moon-client.ts';
import { errorCode } from '../../support/error-code.ts';
import { addExamples, type CommandContext, type Run, readConfig } from '../context.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { clientUrl, formatClientConfig, readClientConfig } from '../moon-client.ts';

const client = 'moon';
const mooncakesUrl = 'https://mooncakes.io';

interface Flags {
  readonly registry?: string;
  readonly mooncakes?: true;
}

export function defineUpdate(parent: Command, run: Run): void {
  const command = parent
    .command('update')
    .summary('run "moon update" against this registry')
    .description(`Runs "moon update" with ${registryVariable} set, and ends with its exit status.`)
    .option('--registry <url>', 'the registry (default: server.base_url, else localhost at server.port)')
    .option('--mooncakes', 'mooncakes.io itself, as without any registry');
  addExamples(command, [
    ['moonbit-registry update', 'Update from the registry in the working directory.'],
    ['moonbit-registry update --registry https://moon.company.com', 'Update from one elsewhere.'],
    ['moonbit-registry update --mooncakes', 'Go back to mooncakes.io.'],
  ]);
  command.action((flags: Flags) =>
    run(async (context) => {
      const url = await chooseRegistry(context, flags);
      warnOfClientConfig(context, url);
      const status = await runMoonUpdate(context, url);
      if (context.settings.json)
        context.output.result({
          text: '',
          json: { registry: url ?? mooncakesUrl, exitCode: status },
        });
      return status as ExitCode;
    }),
  );
}

/** The address clients should use; `undefined` for mooncakes.io. */
async function chooseRegistry(context: CommandContext, flags: Flags): Promise<string | undefined> {
  if (flags.mooncakes && flags.registry !== undefined)
    throw new CommandLineError('--registry and --mooncakes exclude each other');
  if (flags.mooncakes) return undefined;
  if (flags.registry !== undefined) {
    if (!URL.canParse(flags.registry) || !/^https?:$/.test(new URL(flags.registry).protocol))
      throw new CommandLineError(`--registry takes an http or https URL, not "${flags.registry}"`);
    return flags.registry.replace(/\/+$/, '');
  }
  if (!existsSync(join(context.directory, 'registry.toml'))) return 'http://localhost:8080';
  const { server } = await readConfig(context);
  if (server.baseUrl === undefined && server.port === 0)
    throw new UsageError('server.port is 0, so nobody knows which port the server got', {
      hint: 'moonbit-registry update --registry http://localhost:PORT',
    });
  return clientUrl(server);
}

function warnOfClientConfig({ io, output }: CommandContext, url: string | undefined): void {
  const { file, verdict } = readClientConfig(io, url ?? mooncakesUrl);
  if (verdict !== 'other') return;
  const remedy =
    url === undefined ? 'Remove it to use mooncakes.io.' : `Put this into it:\n${formatClientConfig(url)}`;
  output.warn(`${file} exists, so moon ignores ${registryVariable}. ${remedy}`);
}

function runMoonUpdate({ io, settings }: CommandContext, url: string | undefined): Promise<number> {
  const { [registryVariable]: _, ...env } = io.env;
  const child = spawn(client, ['update'], {
    cwd: io.workingDirectory,
    env: url === undefined ? env : { ...env, [registryVariable]: url },
    // With --json, stdout carries our document alone: what moon prints goes to stderr.
    stdio: ['inherit', settings.json ? 2 : 'inherit', 'inherit'],
  });
  // Ctrl-C reaches moon as well; its exit status decides ours.
  const stop = io.onInterrupt(() => child.kill('SIGTERM'));
  return new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status ?? exitCodes.failed));
  })
    .catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
      throw new NotFoundError('cannot run "moon update": there is no "moon" in PATH', {
        hint: 'install the MoonBit toolchain (https://www.moonbitlang.com/download), or add ~/.moon/bin to PATH',
        cause: error,
      });
    })
    .finally(stop);
}
