import type { SourceAuth, SourceConfig } from '../config/config.ts';
import { gitConfigVariables } from '../support/git.ts';
import { createMask, type Mask } from '../support/secret-mask.ts';
import { ownOrigins } from './destinations.ts';

/** A source's credentials, and the only places they may go (rule 10). */
export interface Credentials {
  /** Why they cannot be sent anywhere, if so: the source is not asked then. */
  readonly problem: string | undefined;
  /** Value of `Authorization` for a request to `url`; `undefined` where the source's credentials do not belong. */
  authorizationFor(url: string): string | undefined;
  /** Environment that lets git authenticate at the origin of `url`, if they belong there; adds `settings`. */
  gitVariables(url: string, settings: readonly (readonly [string, string])[]): Record<string, string>;
  /** Hides them in what is told: see `createMask`. */
  readonly mask: Mask;
}

type CredentialConfig = Pick<SourceConfig, 'auth' | 'url' | 'indexUrl' | 'downloadUrl'>;

// git asks this only for the origin it is configured for; the values stay in its environment.
const helper =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$SOURCE_USERNAME" "$SOURCE_PASSWORD"; }; f';

export function createCredentials(config: CredentialConfig): Credentials {
  const { auth } = config;
  const origins = ownOrigins(config);
  const belongsTo = (url: string) => URL.canParse(url) && origins.has(new URL(url).origin);
  if (auth === undefined)
    return {
      problem: undefined,
      authorizationFor: () => undefined,
      gitVariables: (_, settings) => gitConfigVariables(settings),
      mask: (text) => text,
    };
  const value =
    auth.type === 'bearer' ? `Bearer ${auth.token}` : `Basic ${base64(`${auth.username}:${auth.password}`)}`;
  return {
    problem: auth.problem,
    authorizationFor: (url) => (belongsTo(url) ? value : undefined),
    gitVariables(url, settings) {
      if (!belongsTo(url)) return gitConfigVariables(settings);
      const origin = new URL(url).origin;
      if (auth.type === 'bearer')
        return gitConfigVariables([...settings, [`http.${origin}/.extraHeader`, `Authorization: ${value}`]]);
      return {
        ...gitConfigVariables([...settings, [`credential.${origin}.helper`, helper]]),
        SOURCE_USERNAME: auth.username,
        SOURCE_PASSWORD: auth.password,
      };
    },
    mask: createMask(secretsOf(auth)),
  };
}

function secretsOf(auth: SourceAuth): string[] {
  if (auth.type === 'bearer') return [auth.token];
  const pair = `${auth.username}:${auth.password}`;
  // As it is sent, it may come back in another coding.
  return [base64(pair), pair, auth.password, ...(auth.isUsernameSecret ? [auth.username] : [])];
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
