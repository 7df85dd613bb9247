import type { Command } from 'commander';
import type { SourceConfig } from '../../config/config.ts';
import { findSource } from '../../config/find-source.ts';
import { shellLine } from '../../support/shell.ts';
import { type AuthFlags, addAuthOptions, authForms, readAuthFlags } from '../auth-flags.ts';
import { addExamples, type CommandContext, findConfiguredSource, type Run, readConfig } from '../context.ts';
import { editConfig } from '../edit.ts';
import { CommandLineError, exitCodes } from '../exit-codes.ts';

export function defineSourceLogin(parent: Command, run: Run): void {
  const command = parent
    .command('login')
    .description(
      'Says where the credentials of a source are: in an environment variable, or in a file that is read whenever they are sent. ' +
        'What it had before is replaced.',
    )
    .argument('<name>', 'the source');
  addAuthOptions(command);
  addExamples(command, [
    ['moonbit-registry source login partner --bearer-env PARTNER_TOKEN', 'A token, from a variable.'],
    ['moonbit-registry source login partner --bearer-file secrets/partner', 'A token, from a file.'],
    ['moonbit-registry source login partner --basic-env ci PARTNER_PASSWORD', 'User name and password.'],
  ]);
  command.action((name: string, flags: AuthFlags) =>
    run(async (context) => {
      findConfiguredSource(await readConfig(context), name);
      const auth = await readAuthFlags(flags, context);
      if (auth === undefined) throw new CommandLineError('where are the credentials?', { hint: authForms });
      const { setAuth } = await import('../../config/edit-auth.ts');
      const config = await editConfig(context, (text) => setAuth(text, name, auth));
      context.output.result({
        text: `Source "${name}" is asked with ${auth.type === 'bearer' ? 'a token' : `the user name "${auth.username}" and a password`}.`,
        json: { source: name, auth: { type: auth.type } },
      });
      await warnOfMissing(context, findSource(config, name));
      context.output.note(`Next: ${shellLine`moonbit-registry source check ${name}`}.`);
      return exitCodes.done;
    }),
  );
}

export function defineSourceLogout(parent: Command, run: Run): void {
  const command = parent
    .command('logout')
    .description('Takes the credentials of a source out of registry.toml; what they referred to stays.')
    .argument('<name>', 'the source');
  addExamples(command, [['moonbit-registry source logout partner', 'Ask "partner" without credentials.']]);
  command.action((name: string) =>
    run(async (context) => {
      const { auth } = findConfiguredSource(await readConfig(context), name);
      const { removeAuth } = await import('../../config/edit-auth.ts');
      if (auth !== undefined) await editConfig(context, (text) => removeAuth(text, name));
      context.output.result({
        text:
          auth === undefined
            ? `Source "${name}" has no credentials.`
            : `Source "${name}" is asked without credentials.`,
        json: { source: name, changed: auth !== undefined },
      });
      return exitCodes.done;
    }),
  );
}

/** Whoever has just said where credentials are wants to hear that they are not there, or that everybody can read them. */
export async function warnOfMissing({ io, output }: CommandContext, source: SourceConfig): Promise<void> {
  const [{ createCredentialsReader }, { checkCredentials }] = await Promise.all([
    import('../../sources/credentials.ts'),
    import('../../registry/upkeep/doctor/doctor-credentials.ts'),
  ]);
  if (!source.enabled) return;
  const reading = await createCredentialsReader(source, io.env)();
  if (reading.kind === 'missing')
    return output.warn(
      `the credentials of "${source.name}" cannot be sent yet: ${reading.problem}; it is not read until they can`,
    );
  for (const { detail, hint } of await checkCredentials(source, io.env)) output.warn(`${detail}: ${hint}`);
}
