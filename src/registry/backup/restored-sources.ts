import { isAbsolute, relative, sep } from 'node:path';
import type { Config, SourceAuth, SourceConfig } from '../../config/config.ts';

/** What restored settings would send where, as soon as a command asks this source. */
export interface RestoredSource {
  readonly name: string;
  readonly enabled: boolean;
  /** Who is asked, and gets the credentials. */
  readonly addresses: readonly string[];
  readonly credentials: readonly RestoredCredential[];
}

/** Where a secret is read from, and never the secret. */
interface RestoredCredential {
  readonly kind: 'variable' | 'file';
  /** Of the variable, or of the file as the settings name it. */
  readonly name: string;
  /** Whether it is a file that does not come with the folder: named by an absolute path, or outside. */
  readonly isOutside: boolean;
}

export function listRestoredSources({ sources, directory }: Config): readonly RestoredSource[] {
  return sources.map((source) => ({
    name: source.name,
    enabled: source.enabled,
    addresses: addressesOf(source),
    credentials: source.auth ? credentialsOf(source.auth, directory) : [],
  }));
}

function addressesOf({ url, indexUrl, downloadUrl }: SourceConfig): readonly string[] {
  return [...new Set([url, indexUrl, downloadUrl])];
}

function credentialsOf(auth: SourceAuth, directory: string): readonly RestoredCredential[] {
  const secrets = auth.type === 'bearer' ? [auth.token] : [auth.username, auth.password];
  return secrets
    .flatMap(({ parts }) => parts)
    .flatMap((part): RestoredCredential[] => {
      if (part.kind === 'text') return [];
      if (part.kind === 'variable') return [{ kind: 'variable', name: part.name, isOutside: false }];
      const isOutside = isAbsolute(part.written) || leadsOutOf(directory, part.path);
      return [{ kind: 'file', name: part.written, isOutside }];
    });
}

/** Whether a path is not in a folder, nor the folder itself. */
export function leadsOutOf(folder: string, path: string): boolean {
  const inside = relative(folder, path);
  return isAbsolute(inside) || inside === '..' || inside.startsWith(`..${sep}`);
}
