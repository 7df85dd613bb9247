import type { Command } from 'commander';
import type { SourceCheck } from '../../registry/sync/check-source.ts';
import { addExamples, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { count, formatAge } from '../format.ts';

export function defineSourceCheck(parent: Command, run: Run): void {
  const command = parent
    .command('check')
    .description(
      'Asks sources whether they are reachable, accept the credentials and have a readable index, and verifies one archive of each.',
    )
    .argument('[name]', 'one source (default: all that are enabled)');
  addExamples(command, [
    ['moonbit-registry source check', 'Check all enabled sources.'],
    ['moonbit-registry source check partner', 'Check one.'],
  ]);
  command.action((name: string | undefined) =>
    run((context) =>
      withRegistry(context, async (registry) => {
        const checks = await registry.checkSources(name);
        context.output.result({ text: formatChecks(checks, context.io.now()), json: checks });
        return checks.every((check) => check.ok) ? exitCodes.done : exitCodes.failed;
      }),
    ),
  );
}

export function formatChecks(checks: readonly SourceCheck[], now: number): string {
  if (checks.length === 0) return 'No source is enabled.';
  return checks
    .map((check) => {
      const facts = [
        check.modules === undefined ? undefined : count(check.modules, 'module'),
        check.changedAt === undefined ? undefined : `changed ${formatAge(check.changedAt, now)}`,
        check.latencyMs === undefined ? undefined : `${Math.round(check.latencyMs)} ms`,
      ].filter((fact) => fact !== undefined);
      const title = `${check.source}: ${check.ok ? 'ok' : 'FAILED'}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`;
      const steps = check.steps.map(
        ({ step, ok, detail }) => `  ${ok ? 'ok    ' : 'FAILED'} ${step}: ${detail}`,
      );
      return [title, ...steps].join('\n');
    })
    .join('\n\n');
}
