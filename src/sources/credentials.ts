import type { SourceConfig } from '../config/config.ts';
import { gitConfigVariables } from '../support/git.ts';

/** A source's credentials, and the only places they may go (rule 10). */
export interface Credentials {
  /** Value of `Authorization` for a request to `url`; `undefined` where the source's credentials do not belong. */
  authorizationFor(url: string): string | undefined;
  /** Environment that lets git authenticate at the origin of `url`, if they belong there; adds `settings`. */
  gitVariables(url: string, settings: readonly (readonly [string, string])[]): Record<string, string>;
  /** What must not appear in any message. */
  readonly secrets: readonly string[];
}

type CredentialConfig = Pick<SourceConfig, 'auth' | 'url' | 'indexUrl' | 'downloadUrl'>;

// git asks this only for the origin it is configured for; the values stay in its environment.
const helper =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$SOURCE_USERNAME" "$SOURCE_PASSWORD"; }; f';

export function createCredentials(config: CredentialConfig): Credentials {
  const { auth } = config;
  const origins = new Set(
    [config.url, config.indexUrl, config.downloadUrl].map(webOrigin).filter((origin) => origin !== undefined),
  );
  const belongsTo = (url: string) => {
    const origin = webOrigin(url);
    return origin !== undefined && origins.has(origin);
  };
  if (auth === undefined)
    return {
      authorizationFor: () => undefined,
      gitVariables: (_, settings) => gitConfigVariables(settings),
      secrets: [],
    };
  const value =
    auth.type === 'bearer' ? `Bearer ${auth.token}` : `Basic ${base64(`${auth.username}:${auth.password}`)}`;
  return {
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
    secrets: [value.slice(value.indexOf(' ') + 1), auth.type === 'bearer' ? auth.token : auth.password],
  };
}

function webOrigin(url: string): string | undefined {
  return /^https?:/i.test(url) && URL.canParse(url) ? new URL(url).origin : undefined;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
