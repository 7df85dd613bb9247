import type { Config } from '../config/config.ts';

/** Where clients reach this server, as `base_url` says now: edits count at once. */
export interface BaseAddress {
  /** Without trailing slash; `undefined` where only requests tell it. */
  url(): string | undefined;
  /**
   * Accepted, and not required, in front of every path, and set in front of every address that clients are sent to: '', or
   * with one leading slash, as with two it would name another host, and without a trailing one.
   */
  prefix(): string;
}

export function createBaseAddress(registry: { readonly config: Config }): BaseAddress {
  let known: { readonly url: string; readonly prefix: string } | undefined;
  return {
    url: () => registry.config.server.baseUrl,
    prefix() {
      const url = registry.config.server.baseUrl;
      if (url === undefined) return '';
      if (known?.url !== url) known = { url, prefix: prefixOf(url) };
      return known.prefix;
    },
  };
}

function prefixOf(url: string): string {
  return new URL(url).pathname.replace(/\/+$/, '').replace(/^\/+/, '/');
}
