import type { Command } from 'commander';
import type { HealthCheck } from '../../model/health-check.ts';
import type { DoctorReport } from '../../registry/doctor.ts';
import { actorOf, addExamples, type Run } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { count } from '../format.ts';
import { clientConfigFile, clientUrl } from '../moon-client.ts';

export function defineDoctor(parent: Command, run: Run): void {
  const command = parent
    .command('doctor')
    .summary('find what is wrong around the registry')
    .description(
      'Looks at git, the disk, permissions, the clock, traps in registry.toml, every source, and moon on this machine. ' +
        'Ends with 0 if all is well, 3 with warnings, 1 with failures.',
    );
  addExamples(command, [
    ['moonbit-registry doctor', 'Look at everything, and say what to do about it.'],
    ['moonbit-registry doctor --json -d /srv/registry', 'The same as data.'],
  ]);
  command.action(() =>
    run(async (context) => {
      const { examine } = await import('../../registry/doctor.ts');
      const { directory, io, output } = context;
      output.statusLine('Looking');
      const report = await examine({
        directory,
        env: io.env,
        actor: actorOf(context),
        now: io.now,
        client: (config) => ({
          configFile: clientConfigFile(io),
          url: clientUrl(config?.server ?? unknownServer),
          env: io.env,
        }),
      });
      output.result({ text: formatReport(report, context.settings.quiet), json: report });
      return exitCodeOf(report);
    }),
  );
}

/** Where a server is whose settings do not load: at the defaults. */
const unknownServer = { baseUrl: undefined, host: 'localhost', port: 8080 };

function exitCodeOf({ checks }: DoctorReport): ExitCode {
  if (checks.some(({ result }) => result === 'failure')) return exitCodes.failed;
  return checks.some(({ result }) => result === 'warning') ? exitCodes.doneWithFindings : exitCodes.done;
}

const labels: Readonly<Record<HealthCheck['result'], string>> = {
  ok: 'ok      ',
  warning: 'WARNING ',
  failure: 'FAILURE ',
};

/** `onlyTrouble`: what is well is left out. */
export function formatReport({ checks }: DoctorReport, onlyTrouble: boolean): string {
  const told = checks.filter(({ result }) => !onlyTrouble || result !== 'ok');
  const lines = told.flatMap(({ name, result, detail, hint }) => [
    `${labels[result]} ${name}: ${detail}`,
    ...(hint === undefined ? [] : [`          hint: ${hint.replaceAll('\n', '\n          ')}`]),
  ]);
  const failures = checks.filter(({ result }) => result === 'failure').length;
  const warnings = checks.filter(({ result }) => result === 'warning').length;
  const verdict =
    failures + warnings === 0
      ? 'All is well.'
      : [
          ...(failures > 0 ? [count(failures, 'failure')] : []),
          ...(warnings > 0 ? [count(warnings, 'warning')] : []),
        ].join(', ');
  return [...lines, ...(lines.length > 0 ? [''] : []), verdict].join('\n');
}
