/** The options that say where a source's credentials are: in variables or files, never what they are (rule 10). */
import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type { Command } from 'commander';
import type { NewAuth } from '../config/edit-auth.ts';
import { toVisibleLine } from '../support/visible-text.ts';
import type { CommandContext } from './context.ts';
import { CommandLineError } from './exit-codes.ts';

export interface AuthFlags {
  readonly bearerEnv?: string;
  readonly bearerFile?: string;
  readonly basicEnv?: readonly string[];
  readonly basicFile?: readonly string[];
}

export const authForms =
  'give one of --bearer-env VAR, --bearer-file FILE, --basic-env USER VAR, --basic-file USER FILE';

export function addAuthOptions(command: Command): Command {
  return command
    .option('--bearer-env <var>', 'send the token in this environment variable')
    .option('--bearer-file <file>', 'send the token in this file')
    .addOption(
      pairOption(
        command,
        '--basic-env <user> <var>',
        'send this user name, and the password in this variable',
      ),
    )
    .addOption(
      pairOption(command, '--basic-file <user> <file>', 'send this user name, and the password in this file'),
    );
}

/** An option of two words, which commander knows as one of many. */
function pairOption(command: Command, flags: string, description: string) {
  const option = command.createOption(
    flags.replace(/ <\w+>$/, '...').replace(/> *\.\.\.$/, '...>'),
    description,
  );
  option.flags = flags;
  return option;
}

/** What was given; `undefined` where nothing was. What looks like a secret is refused, and not repeated. */
export async function readAuthFlags(
  flags: AuthFlags,
  { io, directory }: Pick<CommandContext, 'io' | 'directory'>,
): Promise<NewAuth | undefined> {
  const { bearerEnv, bearerFile, basicEnv, basicFile } = flags;
  const given = [bearerEnv, bearerFile, basicEnv, basicFile].filter((flag) => flag !== undefined);
  if (given.length > 1)
    throw new CommandLineError('a source has one kind of credentials', { hint: authForms });
  const variable = (option: string, name: string) => referToVariable(option, name, io.env);
  const file = (option: string, typed: string) => referToFile(option, typed, { io, directory });
  if (bearerEnv !== undefined) return { type: 'bearer', token: variable('--bearer-env', bearerEnv) };
  if (bearerFile !== undefined) return { type: 'bearer', token: await file('--bearer-file', bearerFile) };
  const pair = basicEnv ?? basicFile;
  if (pair === undefined) return undefined;
  const option = basicEnv === undefined ? '--basic-file' : '--basic-env';
  const [username, secret] = readPair(option, pair);
  const password = basicEnv === undefined ? await file(option, secret) : variable(option, secret);
  return { type: 'basic', username, password };
}

function readPair(option: string, words: readonly string[]): readonly [string, string] {
  const [user, secret] = words;
  if (user === undefined || secret === undefined || words.length > 2)
    throw new CommandLineError(
      `${option} takes two words, a user name and where the password is, not ${words.length}`,
      { hint: 'put names and other arguments before it' },
    );
  if (user === '' || user.includes(':'))
    throw new CommandLineError(`${option}: a user name is not empty, and has no ":"`);
  return [user, secret];
}

function referToVariable(option: string, name: string, env: CommandContext['io']['env']): string {
  if (!isVariableName(name, env))
    throw new CommandLineError(
      `${option} takes the name of an environment variable, and what was given does not look like one`,
      {
        hint:
          'the secret itself does not belong on a command line: put it into a variable, and name that, e.g. PARTNER_TOKEN; ' +
          'a name that has not only capitals is taken once the variable is set',
      },
    );
  return `\${${name}}`;
}

/** A token may be a valid name, so that a name has to look like one, or to be one. */
function isVariableName(name: string, env: CommandContext['io']['env']): boolean {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return false;
  if (env[name] !== undefined) return true;
  const looksRandom = /^[A-Z0-9]{16,}$/.test(name) && /\d/.test(name);
  return /^[A-Z_][A-Z0-9_]*$/.test(name) && !looksRandom;
}

/**
 * Relative to `registry.toml` where it is below it, so that the folder can be moved. A file that is still to be made is taken
 * where its folder is named and there: anything else that is no file may be the secret itself.
 */
async function referToFile(
  option: string,
  typed: string,
  { io, directory }: Pick<CommandContext, 'io' | 'directory'>,
): Promise<string> {
  const path = resolve(io.workingDirectory, typed);
  const problem = await fileProblem(typed, path);
  if (problem !== undefined)
    throw new CommandLineError(`${option}: ${problem}`, {
      hint: 'write the secret into a file that only this user can read (umask 077), and name that, seen from where you stand',
    });
  const below = relative(directory, path);
  const isBelow = below !== '..' && !below.startsWith(`..${sep}`) && !isAbsolute(below);
  const written = isBelow ? below : path;
  if (/[{}\p{Cc}]/u.test(written) || written.startsWith('~'))
    throw new CommandLineError(
      `${option}: the path of the file has characters that cannot be written into registry.toml`,
      {
        hint: 'choose a name without "{", "}" and "~"',
      },
    );
  return `\${file:${written}}`;
}

/** Why a file cannot be referred to; `undefined` if it can. */
async function fileProblem(typed: string, path: string): Promise<string | undefined> {
  const found = await statOf(path);
  if (found?.isFile()) return undefined;
  if (found)
    return `${toVisibleLine(path)} is ${found.isDirectory() ? 'a folder, not a file' : 'not a regular file'}`;
  const hasFolder = typed.includes('/') && (await statOf(dirname(path)))?.isDirectory() === true;
  if (hasFolder && !typed.endsWith('/')) return undefined;
  return looksLikePath(typed)
    ? `there is no such file: ${toVisibleLine(path)}`
    : 'there is no such file (what was typed is not repeated here: it may be a secret)';
}

function statOf(path: string) {
  return stat(path).catch(() => undefined);
}

/** Few secrets have only small letters, and a dot or slash. */
function looksLikePath(typed: string): boolean {
  return /[./]/.test(typed) && /^[a-z_./-]+$/.test(typed);
}
