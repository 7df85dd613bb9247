import type { SourceConfig } from '../config/config.ts';
import { type ModuleName, ownerOf, restOf } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';

/** How an archive's address is built: the operator's pattern, today's clients' form, or the one before it. */
export type AddressForm = 'pattern' | 'split' | 'legacy';

export interface ArchiveAddress {
  readonly form: AddressForm;
  readonly url: string;
}

type AddressConfig = Pick<SourceConfig, 'downloadUrl' | 'packageUrlPattern'>;

/**
 * Where a source may keep an archive, in the order to try (moon-protocol §3). With a pattern, that is the only
 * place. Else `{download}/user/{owner}/{rest}/{version}.zip`, where each `{…}` is one path segment, and then the
 * older form with all three in one segment; `first` is the form that worked last for this source.
 */
export function archiveAddresses(
  config: AddressConfig,
  module: ModuleName,
  version: Version,
  first: AddressForm = 'split',
): ArchiveAddress[] {
  const { downloadUrl, packageUrlPattern } = config;
  if (packageUrlPattern !== undefined) {
    const url = fillPattern(packageUrlPattern, module, version, encodeSegment);
    return [{ form: 'pattern', url: resolvePattern(downloadUrl, url) }];
  }
  const owner = encodeSegment(ownerOf(module));
  const rest = encodeSegment(restOf(module));
  const last = encodeSegment(version);
  const split: ArchiveAddress = { form: 'split', url: `${downloadUrl}/user/${owner}/${rest}/${last}.zip` };
  const legacy: ArchiveAddress = {
    form: 'legacy',
    url: `${downloadUrl}/user/${owner}%2F${rest}%2F${last}.zip`,
  };
  return first === 'legacy' ? [legacy, split] : [split, legacy];
}

/** One path segment: everything but RFC 3986's unreserved characters is `%XX` of its UTF-8 bytes. */
export function encodeSegment(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * Replaces `{owner}`, `{name}` (all after the owner), `{module}` and `{version}`; an unknown placeholder stays.
 */
export function fillPattern(
  pattern: string,
  module: ModuleName,
  version: Version,
  encode: (text: string) => string,
): string {
  const values: Readonly<Record<string, string>> = {
    owner: ownerOf(module),
    name: restOf(module),
    module,
    version,
  };
  return pattern.replace(/\{(owner|name|module|version)\}/g, (written, placeholder: string) => {
    const value = values[placeholder];
    return value === undefined ? written : encode(value);
  });
}

/** A pattern that is no absolute URL is a path under the download address. */
export function resolvePattern(downloadUrl: string, pattern: string): string {
  return /^[a-z][a-z0-9+.-]*:/i.test(pattern) ? pattern : `${downloadUrl}/${pattern}`;
}
