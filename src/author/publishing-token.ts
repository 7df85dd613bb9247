import { UsageError } from '../errors.ts';
import { tokenIn } from '../model/moon-client.ts';
import type { Environment } from '../support/environment.ts';

const tokenVariable = 'MOONBIT_REGISTRY_TOKEN';

/** A token and where it was found, in words for people. */
export interface PublishingToken {
  readonly text: string;
  readonly from: string;
}

export interface TokenPlaces {
  /** The variable that the command line names. */
  readonly option: string | undefined;
  readonly env: Environment;
  /** What stands in `credentials.json` of moon; `undefined` where there is none. */
  readonly credentials: string | undefined;
  /** Where the token goes. */
  readonly registry: string;
  /** The registries that moon would publish to as things are set: what `credentials.json` holds is for them. */
  readonly moonRegistries: readonly string[];
  /** The permission that it takes, for whoever has none; to publish unless it is said. */
  readonly may?: string | undefined;
}

const sendable = /^[\x21-\x7e]{1,4096}$/;

/** The token to show. One that was given for another registry is not sent to this one. Throws `UsageError`. */
export function chooseToken({
  option,
  env,
  credentials,
  registry,
  moonRegistries,
  may = 'publish',
}: TokenPlaces): PublishingToken {
  const variable = option ?? tokenVariable;
  const stated = env[variable];
  if (stated) return checked(stated, variable, may);
  if (option !== undefined)
    throw new UsageError(`--token-env names ${option}, which is not set`, {
      hint: `read -rs ${shellName(option)} && export ${shellName(option)}`,
    });
  const kept = credentials === undefined ? undefined : tokenIn(credentials);
  if (kept === undefined)
    throw new UsageError(
      `there is no token to ${may === 'publish' ? 'publish' : 'do that'} with: ${tokenVariable} is not set`,
      {
        hint: askForOne(may),
      },
    );
  const isMeant = moonRegistries.some((url) => new URL(url).origin === new URL(registry).origin);
  if (!isMeant)
    throw new UsageError(
      `the token in credentials.json of moon is for another registry than ${registry}, and is not sent there`,
      { hint: askForOne(may) },
    );
  return checked(kept, 'credentials.json of moon', may);
}

function askForOne(may: string): string {
  return `set ${tokenVariable} to one: whoever operates the registry makes it by "moonbit-registry token create NAME --owner PERSON --may ${may} --for PATTERN"`;
}

function checked(text: string, from: string, may: string): PublishingToken {
  const token = text.trim();
  if (sendable.test(token)) return { text: token, from };
  throw new UsageError(
    `what ${from} holds is no token: it has a character that no token has, or is too long`,
    { hint: askForOne(may) },
  );
}

function shellName(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : 'NAME';
}
