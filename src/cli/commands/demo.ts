import type { Command } from 'commander';
import { parseWholeNumber } from '../arguments.ts';
import { addExamples, interruptible, type Run } from '../context.ts';
import { onInterruptOrHangUp } from '../signals.ts';

export function defineDemo(parent: Command, run: Run): void {
  const command = parent
    .command('demo')
    .summary('see it work: publish, aggregate and serve, all on this machine')
    .description(
      'Starts two registries on loopback that stand for mooncakes.io and a partner, and one of its own for the company: an author publishes there, a build does without a stored secret, and all three are aggregated and served to who has a token.',
    )
    .option('--port <number>', 'where to serve (default: 8080, or a free port if that is taken)')
    .option('--keep', 'keep the folder it works in afterwards');
  addExamples(command, [['moonbit-registry demo', 'Run it; Ctrl-C ends it.']]);
  command.action((options: { port?: string; keep?: true }) =>
    run(async (context) => {
      const port =
        options.port === undefined ? undefined : parseWholeNumber('--port', options.port, 0, 65_535);
      const [{ runDemo }, { ownCommand }, { quoteForShell }] = await Promise.all([
        import('../../demo/demo.ts'),
        import('../own-command.ts'),
        import('../../support/shell.ts'),
      ]);
      const { io, output, settings } = context;
      const program = ownCommand(io.script, io.env.PATH ?? '');
      // A terminal that is closed has nobody before it who could end the demo.
      const untilHungUp = { ...io, onInterrupt: onInterruptOrHangUp(io) };
      const exitCode = await interruptible(untilHungUp, (signal) =>
        runDemo(
          {
            command: context.runAnother,
            say: output.say,
            onExit: io.onExit,
            throwIfInterrupted: () => signal.throwIfAborted(),
            program,
            quoteForShell,
          },
          { port, keep: options.keep ?? false },
        ),
      );
      if (settings.json) output.result({ text: '', json: { exitCode } });
      return exitCode;
    }),
  );
}
