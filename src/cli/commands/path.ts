import type { Command } from 'commander';
import { NotFoundError } from '../../errors.ts';
import { findBlock, nameOfBlock } from '../../model/block.ts';
import { shellLine } from '../../support/shell.ts';
import { parseExactVersion } from '../arguments.ts';
import { addExamples, type Run, withRegistry } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';

export function definePath(parent: Command, run: Run): void {
  const command = parent
    .command('path')
    .summary('the file of a cached archive')
    .description('Prints where the archive of one version is on this disk, and nothing else.')
    .argument('<module@version>', 'OWNER/NAME@VERSION');
  addExamples(command, [
    ['moonbit-registry path moonbitlang/x@0.4.38', 'Print the path of the zip.'],
    ['unzip -l "$(moonbit-registry path moonbitlang/x@0.4.38)"', 'List what is in it.'],
  ]);
  command.action((text: string) =>
    run((context) => {
      const { module, version } = parseExactVersion(text);
      return withRegistry(context, async (registry) => {
        const block = findBlock(await registry.blocks(), module, version);
        if (block)
          throw block.isWithdrawn
            ? new NotFoundError(`${module}@${version} was withdrawn: ${block.reason}`)
            : new NotFoundError(`${module}@${version} is blocked: ${block.reason}`, {
                hint: shellLine`moonbit-registry unblock ${nameOfBlock(block)}`,
              });
        const archive = await registry.findArchive(module, version);
        if (!archive)
          throw new NotFoundError(`${module}@${version} is not in the served index`, {
            hint: `see why: ${shellLine`moonbit-registry explain ${module}@${version}`}`,
          });
        if (archive.cachedAt === undefined)
          throw new NotFoundError(`the archive of ${module}@${version} is not cached`, {
            hint: shellLine`moonbit-registry mirror ${module}`,
          });
        const { checksum, cachedAt: path } = archive;
        context.output.result({ text: path, json: { module, version, checksum, path } });
        return exitCodes.done;
      });
    }),
  );
}
