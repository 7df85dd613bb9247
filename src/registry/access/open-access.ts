import { join } from 'node:path';
import type { DataLayout } from '../data-layout.ts';
import type { Actor, Audit } from '../record/audit.ts';
import { type AccessStore, openAccessStore } from './access-store.ts';
import { createLastUse, type LastUse } from './last-use.ts';
import { createTokenDesk, type TokenDesk } from './token-desk.ts';

export interface AccessParts {
  readonly layout: Pick<DataLayout, 'index' | 'locks' | 'tokenUse'>;
  readonly actor: Actor;
  readonly audit: Audit;
  readonly now: () => Date;
  /** Told when a last use could not be written down. */
  readonly onFailure: (error: unknown) => void;
}

/** Who may, for those who serve and for those who give out tokens. */
export function openAccess({ layout, actor, audit, now, onFailure }: AccessParts): {
  readonly access: { readonly store: AccessStore; readonly lastUse: LastUse };
  readonly tokens: TokenDesk;
} {
  const store = openAccessStore(layout.index);
  const lockFile = join(layout.locks, 'token-use');
  return {
    access: { store, lastUse: createLastUse({ file: layout.tokenUse, lockFile, onFailure }) },
    tokens: createTokenDesk({
      store,
      lastUseFile: layout.tokenUse,
      by: actor.user,
      now,
      record: (event) => audit.record([event]),
    }),
  };
}
