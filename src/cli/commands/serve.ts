import type { Command } from 'commander';
import { isWorker } from '../../support/worker.ts';
import { parseWholeNumber } from '../arguments.ts';
import { addExamples, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';

export function defineServe(parent: Command, run: Run): void {
  const command = parent
    .command('serve')
    .summary('serve the registry to moon and git')
    .description(
      'Serves the index, archives and the API, and keeps the index fresh in the background. ' +
        'Edits of registry.toml count at once, except data_dir, host, port, max_connections and [limits]. Ctrl-C or SIGTERM ends it after running requests; SIGHUP reads registry.toml again.',
    )
    .option('--host <address>', 'the address to listen on (default: server.host)')
    .option('--port <number>', 'the port to listen on, 0 for a free one (default: server.port)')
    .option('--access-log', 'log every request, not only those that fail or are refused')
    .option('--record-publish', 'log the parts of requests to publish: names and sizes, no values')
    .option('--workers <number>', 'processes that answer requests (default: 1)');
  addExamples(command, [
    ['moonbit-registry serve', 'Serve as registry.toml says, by default on http://localhost:8080.'],
    ['moonbit-registry serve --host 0.0.0.0 --port 80', 'Serve to other machines.'],
    ['moonbit-registry --log-format json serve --access-log', 'Log every request as a JSON object a line.'],
    ['moonbit-registry serve --workers 2', 'Use two processors.'],
  ]);
  command.action(
    (flags: { host?: string; port?: string; workers?: string; accessLog?: true; recordPublish?: true }) =>
      run((context) => {
        const port = flags.port === undefined ? undefined : parseWholeNumber('--port', flags.port, 0, 65_535);
        const workers =
          flags.workers === undefined ? 1 : parseWholeNumber('--workers', flags.workers, 1, 256);
        const isShared = workers > 1;
        // It is no reason to end, also before it can be heeded.
        context.io.onHangUp(() => {});
        return withRegistry(
          context,
          async (registry) => {
            const { serve, serveAsWorker } = await import('../serving.ts');
            const { server } = registry.config;
            const address = {
              host: flags.host ?? server.host,
              port: port ?? server.port,
              accessLog: flags.accessLog ?? false,
              recordsPublish: flags.recordPublish ?? false,
            };
            if (isShared && isWorker()) await serveAsWorker(context, registry, address);
            else await serve(context, registry, address, workers);
            return exitCodes.done;
          },
          { isOneOfSeveral: isShared, leavesItToFirst: isShared && isWorker() },
        );
      }),
  );
}
