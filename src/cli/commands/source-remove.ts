import type { Command } from 'commander';
import type { Config, SourceConfig } from '../../config/config.ts';
import { addExamples, findConfiguredSource, type Run, readConfig } from '../context.ts';
import { addLossOptions, type LossFlags, makeEdit } from '../edit.ts';
import { exitCodes } from '../exit-codes.ts';

export function defineSourceRemove(parent: Command, run: Run): void {
  const command = parent
    .command('remove')
    .description(
      'Removes a source from registry.toml. Of its modules stays listed what is cached, or what another enabled source lists with the same checksum.',
    )
    .argument('<name>', 'the source');
  addLossOptions(command);
  addExamples(command, [
    ['moonbit-registry source remove partner', 'Forget "partner", keep what is cached.'],
  ]);
  command.action((name: string, flags: LossFlags) =>
    run(async (context) => {
      const before = await readConfig(context);
      const removed = findConfiguredSource(before, name);
      const { removeSource } = await import('../../config/edit.ts');
      const edit = (text: string) => removeSource(text, name);
      return makeEdit(context, { edit, doing: `removing "${name}"`, flags }, ({ config, served }) => {
        context.output.result({
          text: [
            `Removed source "${name}".`,
            ...describeDefault(before, config, name),
            ...describeLost(removed),
            ...served.lines,
          ].join('\n'),
          json: { source: name, defaultSource: config.defaultSource, served: served.report },
        });
        return exitCodes.done;
      });
    }),
  );
}

function describeDefault(before: Config, after: Config, removed: string): string[] {
  if (after.sourcesAreImplied) return ['No source is left: the mooncakes preset is implied.'];
  return before.defaultSource === removed ? [`The default source is "${after.defaultSource}" now.`] : [];
}

/** Patterns go with their source. `include` does not matter: what a removed source supplied, it was allowed to. */
function describeLost({ namespaces, exclude }: SourceConfig): string[] {
  const lines: string[] = [];
  if (namespaces.length > 0)
    lines.push(
      `Its claim of ${namespaces.join(', ')} is gone: other sources may supply such names, except those it was the origin of.`,
    );
  if (exclude.length > 0)
    lines.push(
      `Its exclude of ${exclude.join(', ')} is gone: what is cached of them and was first served from it is listed again.`,
    );
  return lines;
}
