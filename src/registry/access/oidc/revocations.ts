import * as v from 'valibot';
import { StorageError } from '../../../errors.ts';
import { parseJson } from '../../../support/parse-json.ts';

/** By the name of an `[[access.oidc]]` entry, until when what it gave out counts no more: milliseconds since 1970. */
export type Revocations = ReadonlyMap<string, number>;

const line = v.looseObject({ entry: v.string(), until: v.pipe(v.string(), v.isoTimestamp()) });

/** Reads `revocations.jsonl` of `refs/registry/access`. Throws `StorageError`: what cannot be read may have revoked something. */
export function parseRevocations(text: string): Revocations {
  const lines = text.split('\n').filter((one) => one !== '');
  return new Map(
    lines.map((one, position) => {
      const parsed = v.safeParse(line, parseJson(one));
      if (parsed.success) return [parsed.output.entry, Date.parse(parsed.output.until)] as const;
      throw new StorageError(
        `line ${position + 1} of revocations.jsonl in refs/registry/access cannot be read`,
        { hint: 'nobody is let in by a token until it is mended: see docs/operations.md, "Tokens"' },
      );
    }),
  );
}

export function formatRevocations(revocations: Revocations): string {
  return [...revocations]
    .map(([entry, until]) => `${JSON.stringify({ entry, until: new Date(until).toISOString() })}\n`)
    .join('');
}

/** A clock that was set back takes nothing back. */
export function addRevocation(revocations: Revocations, entry: string, date: Date): Revocations {
  const until = Math.max(revocations.get(entry) ?? 0, date.getTime());
  return new Map(revocations).set(entry, until);
}
