import { existsSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import type { Registry } from '../../registry/registry.ts';
import { errorCode } from '../../support/error-code.ts';
import { parseWholeNumber } from '../arguments.ts';
import { createBackground, oldestReading } from '../background.ts';
import { addExamples, type CommandContext, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { createCommandLog, toHttpLog } from '../log.ts';
import { clientConfigFile, formatClientConfig, localUrl } from '../moon-client.ts';

const drainMs = 10_000;

export function defineServe(parent: Command, run: Run): void {
  const command = parent
    .command('serve')
    .summary('serve the registry to moon and git')
    .description(
      'Serves the index, archives and the API, and keeps the index fresh in the background. ' +
        'Edits of registry.toml count at once, except host and port. Ctrl-C or SIGTERM ends it after running requests.',
    )
    .option('--host <address>', 'the address to listen on (default: server.host)')
    .option('--port <number>', 'the port to listen on, 0 for a free one (default: server.port)');
  addExamples(command, [
    ['moonbit-registry serve', 'Serve as registry.toml says, by default on http://localhost:8080.'],
    ['moonbit-registry serve --host 0.0.0.0 --port 80', 'Serve to other machines.'],
  ]);
  command.action((flags: { host?: string; port?: string }) =>
    run((context) => {
      const port = flags.port === undefined ? undefined : parseWholeNumber('--port', flags.port, 0, 65_535);
      return withRegistry(context, async (registry) => {
        const { server } = registry.config;
        await serve(context, registry, { host: flags.host ?? server.host, port: port ?? server.port });
        return exitCodes.done;
      });
    }),
  );
}

async function serve(
  context: CommandContext,
  registry: Registry,
  address: { readonly host: string; readonly port: number },
): Promise<void> {
  const { io, output } = context;
  const log = createCommandLog(context);
  const { startServer } = await import('../../http/listen.ts');
  const server = await startServer(registry, {
    ...address,
    baseUrl: registry.config.server.baseUrl,
    log: toHttpLog(log),
  });
  const { file, server: settings } = registry.config;
  const background = createBackground({
    registry,
    log,
    now: io.now,
    readFingerprint: () => fingerprintOf(file),
    refreshedAt: oldestReading(await registry.status()),
  });
  const url = settings.baseUrl ?? localUrl(address.host, server.port);
  output.result({
    text: formatServing(registry.config.registry.name, url, io),
    json: { url, index: `${url}/git/index`, port: server.port, directory: registry.config.directory },
  });
  background.tick();
  const timer = setInterval(() => background.tick(), 1000);
  await firstInterrupt(io);
  clearInterval(timer);
  output.note('Stopping: waiting for running requests (again to stop at once)…');
  await Promise.all([background.stop(), server.close(drainMs)]);
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process. */
function firstInterrupt(io: Io): Promise<void> {
  return new Promise((resolve) => {
    let isStopping = false;
    io.onInterrupt(() => {
      if (isStopping) io.exit(exitCodes.failed);
      isStopping = true;
      resolve();
    });
  });
}

function fingerprintOf(file: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(file);
    return `${ino}:${size}:${mtimeMs}`;
  } catch (error) {
    // Loading the file says what is wrong with it; looking must not end the server.
    return errorCode(error) ?? 'unreadable';
  }
}

function formatServing(name: string, url: string, io: Io): string {
  const lines = [
    `Serving "${name}" at ${url}`,
    '',
    'Point moon at it:',
    `  MOONCAKES_REGISTRY=${url} moon update`,
  ];
  const file = clientConfigFile(io);
  if (existsSync(file))
    lines.push(
      '',
      `${file} exists, so moon ignores that variable. Put this into it instead:`,
      formatClientConfig(url),
    );
  return lines.join('\n');
}
