import type { SecretText, SourceAuth, SourceConfig } from '../config/config.ts';
import type { Environment } from '../support/environment.ts';
import { gitConfigVariables } from '../support/git/git.ts';
import { proxySecrets } from '../support/net/proxy.ts';
import { type TlsSettings, withoutIdentity } from '../support/net/tls-settings.ts';
import { createMask, type Mask } from '../support/secret-mask.ts';
import { shellLine } from '../support/shell.ts';
import { ownOrigins } from './destinations.ts';
import { howToRenew, readSecret, type SecretReading } from './read-secret.ts';
import { createTlsReader } from './tls-files.ts';
import type { TokenAnswer } from './token-answer.ts';
import { type CommandPart, createTokenCommand, type TokenCommandOptions } from './token-command.ts';

/**
 * A source's credentials, and the only places they may go (rule 10). Whoever asks a source holds some: those that are
 * configured, once they could be read, or `noCredentials` where none are.
 */
export interface Credentials {
  /** Whether credentials are configured for the source. */
  readonly areConfigured: boolean;
  /** Value of `Authorization` for a request to `url`; `undefined` where the source's credentials do not belong. */
  authorizationFor(url: string): string | undefined;
  /** Environment that lets git authenticate at the origin of `url`, if they belong there; adds `settings`. */
  gitVariables(url: string, settings: readonly (readonly [string, string])[]): Record<string, string>;
  /** How a connection to `url` is secured; who we are is shown at the source's own origins alone. */
  tlsFor(url: string): TlsSettings | undefined;
  /** Hides the credentials, and those of proxies, in what is told: see `createMask`. */
  readonly mask: Mask;
  /** What the operator can do where access is refused; never a secret, only where one is configured. */
  readonly advice: string;
  /** What the operator can do where a certificate of ours, or the authority of theirs, is lacking. */
  readonly tlsAdvice: Readonly<Record<'identity' | 'authority', string>>;
}

/** Credentials as they can be read now; where one is missing, there is nothing to ask the source with. */
export type CredentialsReading =
  | { readonly kind: 'ready'; readonly credentials: Credentials }
  | { readonly kind: 'missing'; readonly reason: 'no-credentials' | 'tls'; readonly problem: string };

/**
 * `refused`: what the source has just turned away, so that a token which is kept is asked for anew. The same `Credentials` again
 * means that there are no others.
 */
export type ReadCredentials = (refused?: Credentials) => Promise<CredentialsReading>;

type AddressConfig = Pick<SourceConfig, 'name' | 'url' | 'indexUrl' | 'downloadUrl'>;

/** What is read of a `SourceAuth`. */
type ReadAuth =
  | { readonly type: 'bearer'; readonly token: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string };

// git asks this only for the origin it is configured for; the values stay in its environment.
const helper =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$SOURCE_USERNAME" "$SOURCE_PASSWORD"; }; f';

/** What a reading of credentials may take and how long it is kept; defaults suit production. */
export type CredentialsOptions = Omit<TokenCommandOptions, 'env'>;

/**
 * Reads a source's credentials and certificates anew each time, so that a file that was replaced counts at once; what a command
 * printed is kept as long as it is good.
 */
export function createCredentialsReader(
  config: AddressConfig & Pick<SourceConfig, 'auth' | 'tls'>,
  env: Environment,
  options: CredentialsOptions = {},
): ReadCredentials {
  const readAuth = createAuthReader(config, env, options);
  const readTls = createTlsReader(config);
  const tlsAdvice = adviseTls(config);
  let last: { readonly bare: BareCredentials; readonly credentials: Credentials } | undefined;
  let settings: TlsSettings | undefined;
  return async (refused) => {
    const tls = await readTls();
    if (tls.kind === 'unusable') return { kind: 'missing', reason: tls.reason, problem: tls.problem };
    const auth = await readAuth(refused !== undefined && refused === last?.credentials);
    if (auth.kind === 'missing') return { kind: 'missing', reason: 'no-credentials', problem: auth.problem };
    if (last?.bare !== auth.bare || settings !== tls.settings) {
      settings = tls.settings;
      const tlsFor = securedOnly(config, tls.settings);
      last = { bare: auth.bare, credentials: { ...auth.bare, tlsFor, tlsAdvice } };
    }
    return { kind: 'ready', credentials: last.credentials };
  };
}

function securedOnly(config: AddressConfig, settings: TlsSettings | undefined): Credentials['tlsFor'] {
  const origins = ownOrigins(config);
  return (url) => (origins.has(new URL(url).origin) ? settings : withoutIdentity(settings));
}

function adviseTls({ name, tls }: Pick<SourceConfig, 'name' | 'tls'>): Credentials['tlsAdvice'] {
  const key = `sources.${name}.tls`;
  const another = (line: number) =>
    `put another one, and its key, into the files of [sources.tls] (registry.toml:${line})`;
  return {
    identity: tls?.certificate
      ? another(tls.certificate.line)
      : `name one: ${shellLine`moonbit-registry config ${`${key}.certificate`} FILE ${`${key}.key`} FILE`}`,
    authority: `if its authority is one of yours: ${shellLine`moonbit-registry config ${`${key}.ca`} FILE`}`,
  };
}

/** All but how connections are secured. */
type BareCredentials = Omit<Credentials, 'tlsFor' | 'tlsAdvice'>;

type AuthReading =
  | { readonly kind: 'read'; readonly bare: BareCredentials }
  | { readonly kind: 'missing'; readonly problem: string };

function createAuthReader(
  config: AddressConfig & Pick<SourceConfig, 'auth'>,
  env: Environment,
  options: CredentialsOptions,
): (isRefused: boolean) => Promise<AuthReading> {
  const { auth } = config;
  if (auth === undefined) {
    const bare = noCredentials(config, env);
    return async () => ({ kind: 'read', bare });
  }
  const command = commandOf(auth);
  const tokens = command && createTokenCommand(command, { ...options, env });
  let last: { readonly values: string; readonly bare: BareCredentials } | undefined;
  return async (isRefused) => {
    const readToken = tokens && (async () => toReading(await tokens.read(isRefused)));
    const values: string[] = [];
    for (const secret of secretsOf(auth)) {
      const reading = await readSecret(secret, auth.type, env, readToken);
      if (reading.kind === 'unreadable') return { kind: 'missing', problem: reading.problem };
      values.push(reading.value);
    }
    const key = JSON.stringify(values);
    if (last?.values !== key) last = { values: key, bare: createCredentials(config, auth, values, env) };
    return { kind: 'read', bare: last.bare };
  };
}

function commandOf(auth: SourceAuth): CommandPart | undefined {
  return secretsOf(auth)
    .flatMap(({ parts }) => parts)
    .find((part) => part.kind === 'command');
}

function toReading(answer: TokenAnswer): SecretReading {
  return answer.kind === 'token'
    ? { kind: 'readable', value: answer.token }
    : { kind: 'unreadable', problem: answer.problem };
}

/** For a source without `[sources.auth]`. */
export function noCredentials({ name }: Pick<SourceConfig, 'name'>, env: Environment = {}): Credentials {
  const variable = `${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_TOKEN`.replace(/^(?=\d)/, '_');
  return {
    areConfigured: false,
    authorizationFor: () => undefined,
    gitVariables: (_, settings) => gitConfigVariables(settings),
    mask: createMask(proxySecrets(env)),
    tlsFor: () => undefined,
    tlsAdvice: adviseTls({ name, tls: undefined }),
    advice: `if it wants credentials: ${shellLine`moonbit-registry source login ${name} --bearer-env ${variable}`}`,
  };
}

function createCredentials(
  config: AddressConfig,
  auth: SourceAuth,
  values: readonly string[],
  env: Environment,
): BareCredentials {
  const origins = ownOrigins(config);
  const belongsTo = (url: string) => URL.canParse(url) && origins.has(new URL(url).origin);
  const [first = '', second = ''] = values;
  const read: ReadAuth =
    auth.type === 'bearer'
      ? { type: 'bearer', token: first }
      : { type: 'basic', username: first, password: second };
  const value = read.type === 'bearer' ? `Bearer ${read.token}` : `Basic ${base64(pairOf(read))}`;
  return {
    areConfigured: true,
    authorizationFor: (url) => (belongsTo(url) ? value : undefined),
    gitVariables(url, settings) {
      if (!belongsTo(url)) return gitConfigVariables(settings);
      const origin = new URL(url).origin;
      if (read.type === 'bearer')
        return gitConfigVariables([...settings, [`http.${origin}/.extraHeader`, `Authorization: ${value}`]]);
      return {
        ...gitConfigVariables([...settings, [`credential.${origin}.helper`, helper]]),
        SOURCE_USERNAME: read.username,
        SOURCE_PASSWORD: read.password,
      };
    },
    mask: createMask([...maskedTexts(auth, read), ...proxySecrets(env)]),
    advice: secretsOf(auth).flatMap(howToRenew).join(', or '),
  };
}

export function secretsOf(auth: SourceAuth): SecretText[] {
  return auth.type === 'bearer' ? [auth.token] : [auth.username, auth.password];
}

function maskedTexts(auth: SourceAuth, read: ReadAuth): string[] {
  if (read.type === 'bearer') return [read.token];
  // Hosts whose tokens stand in for a user.
  const isUserSecret = auth.type === 'basic' && auth.username.parts.some(({ kind }) => kind !== 'text');
  // As it is sent, it may come back in another coding.
  return [base64(pairOf(read)), pairOf(read), read.password, ...(isUserSecret ? [read.username] : [])];
}

function pairOf({ username, password }: Extract<ReadAuth, { type: 'basic' }>): string {
  return `${username}:${password}`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
