import { isAbsolute, relative, sep } from 'node:path';
import type { Config, SecretPart, SourceConfig } from '../../config/config.ts';
import { secretsOf } from '../../sources/credentials.ts';
import { quoteForShell } from '../../support/shell.ts';

/** What restored settings would send where, as soon as a command asks this source. */
export interface RestoredSource {
  readonly name: string;
  readonly enabled: boolean;
  /** Who is asked, and gets the credentials. */
  readonly addresses: readonly string[];
  readonly credentials: readonly RestoredCredential[];
}

/** Where a secret, or a certificate, comes from, and never the secret. */
interface RestoredCredential {
  readonly kind: 'variable' | 'file' | 'command';
  /** Of the variable, the file as the settings name it, or the command line. */
  readonly name: string;
  /** Whether it is a file that does not come with the folder: named by an absolute path, or outside. */
  readonly isOutside: boolean;
}

export function listRestoredSources({ sources, directory }: Config): readonly RestoredSource[] {
  return sources.map((source) => ({
    name: source.name,
    enabled: source.enabled,
    addresses: addressesOf(source),
    credentials: credentialsOf(source, directory),
  }));
}

function addressesOf({ url, indexUrl, downloadUrl }: SourceConfig): readonly string[] {
  return [...new Set([url, indexUrl, downloadUrl])];
}

function credentialsOf({ auth, tls }: SourceConfig, directory: string): readonly RestoredCredential[] {
  const parts = auth === undefined ? [] : secretsOf(auth).flatMap((secret) => secret.parts);
  const files = [tls?.certificate, tls?.key, tls?.ca].filter((file) => file !== undefined);
  return [
    ...parts.flatMap((part) => credentialOf(part, directory)),
    ...files.map((file) => fileOf(file, directory)),
  ];
}

function credentialOf(part: SecretPart, directory: string): RestoredCredential[] {
  switch (part.kind) {
    case 'text':
      return [];
    case 'variable':
      return [{ kind: 'variable', name: part.name, isOutside: false }];
    case 'file':
      return [fileOf(part, directory)];
    case 'command':
      return [{ kind: 'command', name: part.words.map(quoteForShell).join(' '), isOutside: false }];
  }
}

function fileOf(
  { written, path }: { readonly written: string; readonly path: string },
  directory: string,
): RestoredCredential {
  return { kind: 'file', name: written, isOutside: isAbsolute(written) || leadsOutOf(directory, path) };
}

/** Whether a path is not in a folder, nor the folder itself. */
export function leadsOutOf(folder: string, path: string): boolean {
  const inside = relative(folder, path);
  return isAbsolute(inside) || inside === '..' || inside.startsWith(`..${sep}`);
}
