import type { Command } from 'commander';
import type { Config } from '../../config/config.ts';
import { NotFoundError } from '../../errors.ts';
import { isChecksum } from '../../model/checksum.ts';
import {
  type Grants,
  isPermission,
  type Permission,
  permissions,
} from '../../registry/access/permissions.ts';
import type { TokenRequest } from '../../registry/access/token-changes.ts';
import { addressRangeProblem } from '../../support/net/address-ranges.ts';
import { suggest } from '../../support/suggest.ts';
import { toVisibleLine } from '../../support/visible-text.ts';
import { parseExactVersion, parsePatterns } from '../arguments.ts';
import { addExamples, type CommandContext, type Run, withRegistry } from '../context.ts';
import { CommandLineError, type ExitCode, exitCodes } from '../exit-codes.ts';
import { count } from '../format.ts';
import { parseLifetime } from '../lifetime.ts';
import { localUrl } from '../moon-client.ts';
import { formatIssued, formatTokenList } from '../token-text.ts';

interface CreateFlags {
  readonly owner?: string;
  readonly may?: string;
  readonly for?: string[];
  readonly readFor?: string[];
  readonly view?: string[];
  readonly expires: string;
  readonly only?: string;
  readonly checksum?: string;
  readonly cidr?: string[];
}

export function defineToken(parent: Command, run: Run): void {
  const token = parent
    .command('token')
    .summary('who may read, publish, yank and decide')
    .description(
      'Tokens say who may do what. Only their digests are kept: the text is shown once, when a token is made or rotated. ' +
        'A running server heeds a change within a second.',
    );
  defineCreate(token, run);
  defineTokenList(token, run);
  defineRevoke(token, run);
  defineRotate(token, run);
}

function defineCreate(token: Command, run: Run): void {
  const command = token
    .command('create')
    .summary('make a token, and show it once')
    .description(
      'Makes a token and shows its text, this once. It holds for the names of --for; reading may be for other names than the rest. ' +
        'The index, search and lists are of all names: they need a token that may read "*".',
    )
    .argument('<name>', 'what logs, the audit and published versions call it; given once only')
    .option('--owner <person>', 'who answers for it')
    .option('--may <permissions>', `what it allows, by commas: ${permissions.join(', ')}`)
    .option('--for <pattern...>', 'for which modules; every one where it may only read, unless it is said')
    .option('--read-for <pattern...>', 'which modules it may read, if others than those of --for')
    .option('--view <name...>', 'views of [[views]] that it may read, and nothing else unless --may says so')
    .option('--expires <duration>', 'when it ends, such as 15m, 12h or 90d; "never" must be typed', '90d')
    .option('--only <module@version>', 'the one version that it may publish or yank')
    .option('--checksum <sha256>', 'with --only: the one archive that it may publish')
    .option('--cidr <range...>', 'from which addresses it counts, such as 10.0.0.0/8');
  addExamples(command, [
    ['moonbit-registry token create laptop --owner ada --may read', 'Ada may read everything, for 90 days.'],
    [
      'moonbit-registry token create ci --owner ada --may read,publish --for "company/*" --read-for "*"',
      'A build that reads everything and publishes company/….',
    ],
    [
      'moonbit-registry token create release --owner ada --may publish --for "company/*" --only company/tool@1.2.0 --expires 1h',
      'One release, within the hour.',
    ],
    [
      'moonbit-registry token create acme-ci --owner acme --view partner',
      'A partner that reads the view "partner", and nothing else.',
    ],
  ]);
  command.action((name: string, flags: CreateFlags) =>
    run((context) => {
      const request = readRequest(name, flags);
      return withRegistry(context, async ({ tokens, config }) => {
        requireViews(request, config);
        const issued = await tokens.create(request);
        const { baseUrl, host, port } = config.server;
        context.output.result(formatIssued(issued, baseUrl ?? localUrl(host, port)));
        remarkOn(context, request);
        return exitCodes.done;
      });
    }),
  );
}

function requireViews({ views = [] }: TokenRequest, config: Config): void {
  const names = config.views.map((view) => view.name);
  const unknown = views.find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const near = suggest(unknown, names);
  throw new NotFoundError(`there is no view "${unknown}" in registry.toml`, {
    hint: near === undefined ? 'docs/recipes/views.md shows how one is made' : `did you mean "${near}"?`,
  });
}

/** What is allowed and yet of little use. */
function remarkOn({ output }: CommandContext, { grants, lifetimeMs }: TokenRequest): void {
  if (grants.read && !grants.read.includes('*'))
    output.note(
      `It reads only ${grants.read.join(', ')}: where reading needs a token, the index as a whole is refused, and moon needs that. Name --read-for "*" for moon.`,
    );
  if (lifetimeMs === undefined) output.note('It never expires: revoke it when it is not needed any more.');
}

export function readRequest(name: string, flags: CreateFlags): TokenRequest {
  const owner = flags.owner?.trim() ?? '';
  if (owner === '' || owner.length > 100 || toVisibleLine(owner) !== owner)
    throw new CommandLineError('--owner takes a person, in 1 to 100 visible characters', {
      hint: 'moonbit-registry token create NAME --owner PERSON --may read',
    });
  const may = flags.may === undefined && flags.view ? [] : readPermissions(flags.may);
  const only = readOnly(flags);
  if (only && !may.includes('publish') && !may.includes('yank'))
    throw new CommandLineError('--only is for a token that may publish or yank');
  for (const range of flags.cidr ?? []) {
    const problem = addressRangeProblem(range);
    if (problem !== undefined) throw new CommandLineError(`--cidr: ${problem}`);
  }
  const grants = readGrants(may, flags);
  return {
    name,
    owner,
    grants,
    views: flags.view,
    lifetimeMs: parseLifetime('--expires', flags.expires),
    only,
    cidr: flags.cidr,
  };
}

function readPermissions(text: string | undefined): readonly Permission[] {
  const words = [
    ...new Set(
      (text ?? '')
        .split(',')
        .map((word) => word.trim())
        .filter(Boolean),
    ),
  ];
  const unknown = words.find((word) => !isPermission(word));
  if (words.length === 0 || unknown !== undefined)
    throw new CommandLineError(
      unknown === undefined ? '--may says what the token allows' : `--may knows no permission "${unknown}"`,
      { hint: `some of ${permissions.join(', ')}, by commas` },
    );
  return words.filter(isPermission);
}

function readGrants(may: readonly Permission[], flags: CreateFlags): Grants {
  const names = flags.for && parsePatterns(flags.for);
  const readNames = flags.readFor && parsePatterns(flags.readFor);
  if (readNames && !may.includes('read'))
    throw new CommandLineError('--read-for is for a token that may read', { hint: '--may read,…' });
  const acts = may.filter((permission) => permission !== 'read');
  if (acts.length > 0 && !names)
    throw new CommandLineError(`--for says which modules it may ${acts.join(', ')}`, {
      hint: 'such as --for "company/*"; --for "*" is every module',
    });
  return Object.fromEntries(
    may.map((permission) => [
      permission,
      permission === 'read' ? (readNames ?? names ?? ['*']) : (names ?? []),
    ]),
  );
}

function readOnly({ only, checksum }: CreateFlags): TokenRequest['only'] {
  if (only === undefined) {
    if (checksum !== undefined) throw new CommandLineError('--checksum is for --only MODULE@VERSION');
    return undefined;
  }
  if (checksum !== undefined && !isChecksum(checksum))
    throw new CommandLineError('--checksum takes the 64 lowercase hexadecimal digits of a SHA-256');
  return { ...parseExactVersion(only), ...(checksum === undefined ? {} : { checksum }) };
}

function defineTokenList(token: Command, run: Run): void {
  const command = token
    .command('list')
    .summary('which tokens there are')
    .description('Lists tokens, what they allow, when they end, and in which hour they were last used.')
    .option('--owner <person>', 'of this person only')
    .option('--all', 'revoked and expired ones too');
  addExamples(command, [['moonbit-registry token list', 'Which tokens count.']]);
  command.action((flags: { readonly owner?: string; readonly all?: boolean }) =>
    run((context) =>
      withRegistry(context, async ({ tokens }) => {
        const every = await tokens.list(flags.owner);
        const shown = flags.all ? every : every.filter(({ standing }) => standing === 'valid');
        context.output.result({ text: formatTokenList(shown, every.length - shown.length), json: shown });
        return exitCodes.done;
      }),
    ),
  );
}

function defineRevoke(token: Command, run: Run): void {
  const command = token
    .command('revoke')
    .summary('let a token count no more')
    .description(
      'Revokes a token, all of a person, or all that machines were given by an [[access.oidc]] entry. A running server refuses them within a second; nothing brings them back.',
    )
    .argument('[name]', 'the token')
    .option('--owner <person>', 'all tokens of this person')
    .option('--issuer <entry>', 'all that an [[access.oidc]] entry of this name gave out until now');
  addExamples(command, [
    ['moonbit-registry token revoke ci', 'Revoke one.'],
    ['moonbit-registry token revoke --owner ada', 'Revoke all that Ada has.'],
    ['moonbit-registry token revoke --issuer github', 'Revoke what machines were given for a while.'],
  ]);
  command.action((name: string | undefined, flags: RevokeFlags) =>
    run((context) => {
      const { owner, issuer } = flags;
      if ([name, owner, issuer].filter((one) => one !== undefined).length !== 1)
        throw new CommandLineError('name one token, --owner PERSON or --issuer ENTRY', {
          hint: 'moonbit-registry token list',
        });
      if (issuer !== undefined) return revokeIssuer(context, issuer);
      return revoke(context, name === undefined ? { owner: owner ?? '' } : { name });
    }),
  );
}

interface RevokeFlags {
  readonly owner?: string;
  readonly issuer?: string;
}

function revokeIssuer(context: CommandContext, issuer: string): Promise<ExitCode> {
  return withRegistry(context, async ({ tokens, config }) => {
    const names = config.access.oidc.map(({ name }) => name);
    if (!names.includes(issuer)) {
      const near = suggest(issuer, names);
      throw new NotFoundError(
        `there is no [[access.oidc]] entry "${issuer}"${near === undefined ? '' : `; did you mean "${near}"?`}`,
        { hint: 'what an entry gave out counts no more once the entry is gone' },
      );
    }
    const until = (await tokens.revokeEntry(issuer)).toISOString();
    context.output.result({
      text: `Revoked all that "${issuer}" gave out until ${until}. It goes on giving out: take the entry out of registry.toml to end that.`,
      json: { issuer, until },
    });
    return exitCodes.done;
  });
}

function revoke(
  context: CommandContext,
  which: { readonly name: string } | { readonly owner: string },
): Promise<ExitCode> {
  return withRegistry(context, async ({ tokens }) => {
    const revoked = await tokens.revoke(which);
    const names = revoked.map(({ name }) => name);
    context.output.result({
      text: `Revoked ${count(names.length, 'token')}: ${names.join(', ')}.`,
      json: revoked,
    });
    return exitCodes.done;
  });
}

function defineRotate(token: Command, run: Run): void {
  const command = token
    .command('rotate')
    .summary('give a token a new text')
    .description(
      'Gives a token a new text, and shows it once. The former one counts for an hour more; when the token ends stays as it was.',
    )
    .argument('<name>', 'the token');
  addExamples(command, [
    ['moonbit-registry token rotate ci', 'Put the new text into place within the hour.'],
  ]);
  command.action((name: string) =>
    run((context) =>
      withRegistry(context, async ({ tokens, config }) => {
        const issued = await tokens.rotate(name);
        const { baseUrl, host, port } = config.server;
        context.output.result(formatIssued(issued, baseUrl ?? localUrl(host, port)));
        return exitCodes.done;
      }),
    ),
  );
}
