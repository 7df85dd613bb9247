import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { Environment } from '../../support/environment.ts';
import type { DataLayout } from '../data-layout.ts';
import type { Actor, Audit } from '../record/audit.ts';
import { type AccessStore, openAccessStore } from './access-store.ts';
import { createLastUse, type LastUse } from './last-use.ts';
import { openBurnedTokens } from './oidc/burned-tokens.ts';
import { createIdentityExchange, type IdentityExchange } from './oidc/exchange.ts';
import { createIssuerKeys } from './oidc/issuer-keys.ts';
import { createKeyReader } from './oidc/read-issuer-keys.ts';
import { openShortTokens, type ShortTokens } from './oidc/short-tokens.ts';
import { createTokenDesk, type TokenDesk } from './token-desk.ts';

export interface AccessParts {
  readonly layout: Pick<DataLayout, 'index' | 'locks' | 'tokenUse' | 'shortTokens' | 'burnedTokens'>;
  readonly actor: Actor;
  readonly audit: Audit;
  readonly now: () => Date;
  readonly settings: () => Pick<Config, 'access'>;
  /** Names the proxies by which keys of issuers are fetched. */
  readonly env: Environment;
  /** Told when a last use could not be written down, or what has ended not be removed. */
  readonly onFailure: (error: unknown) => void;
}

/** Who may, for those who serve. */
export interface OpenAccess {
  readonly store: AccessStore;
  readonly lastUse: LastUse;
  readonly short: ShortTokens;
  readonly identities: IdentityExchange;
}

/** Who may, for those who serve and for those who give out tokens. */
export function openAccess(parts: AccessParts): { readonly access: OpenAccess; readonly tokens: TokenDesk } {
  const { layout, actor, audit, now, settings, onFailure } = parts;
  const store = openAccessStore(layout.index);
  const entries = () => settings().access.oidc;
  const short = openShortTokens(layout.shortTokens, entries);
  const lockFile = join(layout.locks, 'token-use');
  return {
    access: {
      store,
      short,
      lastUse: createLastUse({ file: layout.tokenUse, lockFile, onFailure }),
      identities: createIdentityExchange({
        ...{ entries, short, store, now, onFailure },
        keys: createIssuerKeys(createKeyReader(parts.env), () => performance.now()),
        burned: openBurnedTokens(layout.burnedTokens),
        record: (event) => audit.record([event]),
      }),
    },
    tokens: createTokenDesk({
      store,
      lastUseFile: layout.tokenUse,
      by: actor.user,
      now,
      record: (event) => audit.record([event]),
    }),
  };
}
