import { resolve } from 'node:path';
import type { SecretPart, SecretText, SourceAuth, SourceConfig, SourceTls, TlsFile } from './config.ts';
import type { SourceEntry } from './schema.ts';
import { parseSecretText } from './secret-text.ts';
import { locate, type TomlDocument } from './toml-document.ts';

interface Place {
  readonly document: TomlDocument;
  /** Position of the source in the file. */
  readonly index: number;
  /** Absolute path of the folder of the file. */
  readonly directory: string;
}

/** What a source's credentials and certificates are read from, each with its line in the file. */
export function normaliseAccess(source: SourceEntry, place: Place): Pick<SourceConfig, 'auth' | 'tls'> {
  const { auth, tls } = source;
  return {
    auth: auth && normaliseAuth(auth, place),
    ...(tls === undefined ? {} : { tls: normaliseTls(tls, place) }),
  };
}

type AuthEntry = NonNullable<SourceEntry['auth']>;

function normaliseAuth(auth: AuthEntry, place: Place): SourceAuth {
  const secretAt = (...settings: readonly SecretText['setting'][]): SecretText => {
    const setting = settings.find((key) => auth[key] !== undefined) ?? 'token';
    const { line } = locate(place.document, ['sources', place.index, 'auth', setting]);
    return { setting, line, parts: partsOf(setting, auth, place) };
  };
  return auth.type === 'bearer'
    ? { type: 'bearer', token: secretAt('token', 'token_file', 'token_command') }
    : { type: 'basic', username: secretAt('username'), password: secretAt('password', 'password_file') };
}

function partsOf(
  setting: SecretText['setting'],
  auth: AuthEntry,
  { directory }: Place,
): readonly SecretPart[] {
  if (setting === 'token_command') return [{ kind: 'command', words: auth.token_command ?? [], directory }];
  const value = auth[setting] ?? '';
  return setting === 'token_file' || setting === 'password_file'
    ? [{ kind: 'file', path: resolve(directory, value), written: value }]
    : parseSecretText(value, directory);
}

function normaliseTls(
  tls: NonNullable<SourceEntry['tls']>,
  { document, index, directory }: Place,
): SourceTls {
  const fileAt = (setting: TlsFile['setting']): TlsFile | undefined => {
    const written = tls[setting];
    if (written === undefined) return undefined;
    const { line } = locate(document, ['sources', index, 'tls', setting]);
    return { setting, line, path: resolve(directory, written), written };
  };
  return { certificate: fileAt('certificate'), key: fileAt('key'), ca: fileAt('ca') };
}
