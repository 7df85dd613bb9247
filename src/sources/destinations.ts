import type { SourceConfig } from '../config/config.ts';
import { type Destinations, isPublicDestination, parseNamedDestination } from '../support/net/destination.ts';
import { shellLine } from '../support/shell.ts';

type AddressConfig = Pick<SourceConfig, 'url' | 'indexUrl' | 'downloadUrl'>;
type RedirectConfig = Pick<SourceConfig, 'name' | 'allowedRedirects'>;

export interface SourceDestinations extends Destinations {
  /** Whether the operator named the host of `url` for this source, so that any address of it will do. */
  trusts(url: URL): boolean;
}

/** A source's own addresses, as origins. */
export function ownOrigins(config: AddressConfig): ReadonlySet<string> {
  const addresses = [config.url, config.indexUrl, config.downloadUrl];
  return new Set(
    addresses.flatMap((url) => (/^https?:/i.test(url) && URL.canParse(url) ? [new URL(url).origin] : [])),
  );
}

/**
 * Where a source may lead us (rule 10): to its own origins and to what `allowed_redirects` names, whatever the address;
 * else to the public internet alone. So nothing behind our firewall can be read through us.
 */
export function createDestinations(config: AddressConfig & RedirectConfig): SourceDestinations {
  const own = ownOrigins(config);
  const named = config.allowedRedirects.map(parseNamedDestination);
  const trusts = (url: URL, address?: string) =>
    own.has(url.origin) || named.some((destination) => destination.matches(url, address));
  return {
    trusts: (url) => trusts(url),
    permits: (url, address) => trusts(url, address) || isPublicDestination(url, address),
    refusal(url, address) {
      // Where the name does not show it.
      const resolved = address === undefined || url.hostname.includes(address) ? '' : ` (${address})`;
      return (
        `a redirect to ${url.host}${resolved}, which is not on the public internet, is not followed; ` +
        `if it is meant: ${commandToAllow(config, url)}`
      );
    },
  };
}

/** The command that names the host of `url` besides what is named already. */
export function commandToAllow({ name, allowedRedirects }: RedirectConfig, url: URL): string {
  const allowed = [...allowedRedirects, url.host].join(',');
  return shellLine`moonbit-registry config sources.${name}.allowed_redirects "${allowed}"`;
}
