import type { OidcEntry } from '../../../config/config.ts';
import type { Examination } from './examine-identity.ts';
import type { EntryVerdict } from './judge-claims.ts';

/** What became of an identity token. */
export type Exchanged =
  | Exclude<Examination, { kind: 'signed' }>
  /** Its issuer gave it out, but it does not count now; words go after "it". */
  | { readonly kind: 'other-time'; readonly why: string }
  | { readonly kind: 'refused'; readonly verdicts: readonly EntryVerdict[] }
  | { readonly kind: 'used-before' }
  | {
      readonly kind: 'issued';
      /** Shown to whoever asked, and kept nowhere. */
      readonly text: string;
      readonly name: string;
      readonly entry: OidcEntry;
      readonly endsAt: Date;
    };
