/** Where a module is published, and by which token: from words, variables and the files of moon. */
import { chooseToken, type PublishingToken } from '../author/publishing-token.ts';
import { chooseRegistry, isOfficial, readRegistryAddress } from '../author/registry-address.ts';
import { UsageError } from '../errors.ts';
import { publishAddressIn, registryVariable } from '../model/moon-client.ts';
import { readSmallFile } from '../support/disk/read-small-file.ts';
import { shellLine } from '../support/shell.ts';
import type { CommandContext } from './context.ts';
import { CommandLineError } from './exit-codes.ts';
import type { CommandIo } from './io.ts';
import { moonFile } from './moon-client.ts';

export interface Target {
  /** The registry's address, without a final slash. */
  readonly registry: string;
  /** `undefined` where the registry is not to be asked. */
  readonly token: PublishingToken | undefined;
}

interface TargetFlags {
  readonly registry?: string;
  readonly tokenEnv?: string;
  readonly dryRun?: true;
  readonly workspace?: true;
  readonly stage?: true;
  /** The permission that the token needs; to publish unless it is said. */
  readonly may?: string;
}

const mooncakesUrl = 'https://mooncakes.io';
const longestFileBytes = 64 * 1024;

export async function chooseTarget(
  { io, command }: Pick<CommandContext, 'io' | 'command'>,
  flags: TargetFlags,
): Promise<Target> {
  checkOption(flags.registry, command.split(' '));
  const clientConfig = publishAddressIn((await readMoonFile(io, 'config.json')) ?? '');
  const variable = io.env[registryVariable];
  const { url } = chooseRegistry({ option: flags.registry, variable, clientConfig });
  if (isOfficial(url) && flags.workspace)
    throw new UsageError(`${url} is not known to publish several modules in one step`, {
      hint: shellLine`moonbit-registry publish MEMBER --registry ${url}`,
    });
  if (isOfficial(url) && flags.stage)
    throw new UsageError(`${url} is not known to let anything wait for approval: it would publish it`, {
      hint: 'leave --stage out if all the world may read it at once',
    });
  if (isOfficial(url) && flags.dryRun) return { registry: url, token: undefined };
  const token = chooseToken({
    option: flags.tokenEnv,
    may: flags.may,
    env: io.env,
    credentials: await readMoonFile(io, 'credentials.json'),
    registry: url,
    moonRegistries: addressesOf([clientConfig, variable]),
  });
  return { registry: url, token };
}

function checkOption(text: string | undefined, command: readonly string[]): void {
  if (text === undefined) return;
  const reading = readRegistryAddress(text);
  if (reading.kind === 'problem')
    throw new CommandLineError(`what --registry names ${reading.problem}`, {
      hint: shellLine`moonbit-registry ${command} --registry https://moon.company.com`,
    });
  if (reading.hasCredentials)
    throw new CommandLineError(
      '--registry holds a token or a password, which everybody on this machine can read',
      {
        hint: shellLine`set MOONBIT_REGISTRY_TOKEN, and use: moonbit-registry ${command} --registry ${reading.url}`,
      },
    );
}

/** Of whoever set nothing, the official one. */
function addressesOf(texts: readonly (string | undefined)[]): string[] {
  const named = texts.filter((text) => text !== undefined && text !== '');
  if (named.length === 0) return [mooncakesUrl];
  return named.flatMap((text) => {
    const reading = readRegistryAddress(text ?? '');
    return reading.kind === 'address' ? [reading.url] : [];
  });
}

async function readMoonFile(
  io: CommandIo,
  name: 'config.json' | 'credentials.json',
): Promise<string | undefined> {
  const file = moonFile(io, name);
  const read = file === undefined ? undefined : await readSmallFile(file, longestFileBytes);
  return read?.kind === 'read' ? read.text : undefined;
}
