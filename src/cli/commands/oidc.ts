import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import { longestIdentityToken } from '../../registry/access/oidc/identity-token.ts';
import { readSmallFile } from '../../support/disk/read-small-file.ts';
import { readAtMost } from '../../support/read-at-most.ts';
import { addExamples, type CommandContext, type Run, readConfig } from '../context.ts';
import { CommandLineError, exitCodes } from '../exit-codes.ts';
import { formatIdentityReport, identityReport } from '../identity-text.ts';

export function defineOidc(parent: Command, run: Run): void {
  const oidc = parent
    .command('oidc')
    .summary('machines that show whose they are')
    .description(
      'Machines of [[access.oidc]] entries get a token for a quarter of an hour by one that their issuer gives them.',
    );
  const command = oidc
    .command('check')
    .summary('say which claim of an identity token does not fit')
    .description(
      'Examines an identity token as the server would, without using it up: who signed it, whether it counts now, and by which ' +
        '[[access.oidc]] entry, or which claims fail. Only the keys of its issuer are fetched. The token is not shown.',
    )
    .argument('<token-file>', 'the file that holds it, or - for what is piped in');
  addExamples(command, [
    ['moonbit-registry oidc check token.jwt', 'Which entry lets it in, or which claims fail.'],
    ['pbpaste | moonbit-registry oidc check -', 'The same of what was copied.'],
  ]);
  command.action((file: string) => run((context) => check(context, file)));
}

async function check(context: CommandContext, file: string) {
  const { access } = await readConfig(context);
  if (access.oidc.length === 0)
    throw new UsageError('no [[access.oidc]] entry is in registry.toml', {
      hint: 'docs/recipes/ci-oidc.md shows one',
    });
  const text = await readToken(context, file);
  const [{ examineIdentity }, { createIssuerKeys }, { createKeyReader }] = await Promise.all([
    import('../../registry/access/oidc/examine-identity.ts'),
    import('../../registry/access/oidc/issuer-keys.ts'),
    import('../../registry/access/oidc/read-issuer-keys.ts'),
  ]);
  const now = context.io.now();
  const keys = createIssuerKeys(createKeyReader(context.io.env), () => performance.now());
  const report = identityReport(await examineIdentity(text, { entries: access.oidc, keys, now }));
  context.output.result({ text: formatIdentityReport(report), json: report });
  return report.ok ? exitCodes.done : exitCodes.failed;
}

async function readToken({ io }: CommandContext, file: string): Promise<string> {
  const hint = 'name the file that holds it, or pipe it in: moonbit-registry oidc check -';
  // It is repeated nowhere: whoever typed it should not have it in a log as well.
  if (/^[\w-]{10,}\.[\w-]{10,}\.[\w-]*$/.test(file))
    throw new CommandLineError('the token itself was typed, and so others of this machine can see it', {
      hint,
    });
  if (file === '-') return readPiped();
  const read = await readSmallFile(resolve(io.workingDirectory, file), 2 * longestIdentityToken);
  if (read.kind === 'read') return read.text.replace(/^\ufeff/, '').trim();
  throw new UsageError(`${file} ${read.problem}`, { hint });
}

async function readPiped(): Promise<string> {
  const bytes = await readAtMost(createReadStream('', { fd: 0 }), 2 * longestIdentityToken);
  if (bytes === undefined) throw new UsageError('what was piped in is too long for an identity token');
  return bytes.toString('utf8').trim();
}
