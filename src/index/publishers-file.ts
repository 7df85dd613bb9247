import * as v from 'valibot';
import { StorageError } from '../errors.ts';
import { isVersion, type Version } from '../model/version.ts';
import { parseJson } from '../support/parse-json.ts';
import { damageHint } from './restore-hint.ts';

/** Which machine it was, as its issuer says. */
export const machine = v.object({
  issuer: v.string(),
  /** The `[[access.oidc]]` entry that let it in. */
  entry: v.string(),
  claims: v.record(v.string(), v.string()),
});

const publication = v.looseObject({
  version: v.custom<Version>(isVersion),
  /** Of the token that it was published with. */
  token: v.string(),
  /** The person who answers for that. */
  owner: v.string(),
  /** ISO 8601, UTC. */
  at: v.string(),
  /** Where the token was given for that. */
  oidc: v.optional(machine),
  /** Where it was approved by somebody before it was published, which was at `at`. */
  staged: v.optional(
    v.looseObject({
      /** When it came; ISO 8601, UTC. */
      at: v.string(),
      /** A token's owner, or a user of the operating system. */
      approvedBy: v.string(),
      /** The token it was approved with; absent where that was done in the registry's directory. */
      approvedWith: v.optional(v.string()),
    }),
  ),
});

/** Who has published a version; what a later program has written beside stays in it. */
export type Publication = v.InferOutput<typeof publication>;

const yank = v.looseObject({
  does: v.picklist(['yank', 'unyank']),
  version: v.custom<Version>(isVersion),
  /** One line that its users are told; of an `unyank` none. */
  reason: v.optional(v.string()),
  /** `user NAME`, or `token NAME`. */
  by: v.string(),
  /** ISO 8601, UTC. */
  at: v.string(),
});

/** Who has told the users of a version not to use it any more, or has taken that back. */
export type Yank = v.InferOutput<typeof yank>;

const adoption = v.looseObject({
  does: v.literal('adopt'),
  version: v.custom<Version>(isVersion),
  /** The source that it was served from till then. */
  from: v.string(),
  /** `user NAME`. */
  by: v.string(),
  /** ISO 8601, UTC. */
  at: v.string(),
});

/** Who has taken over a version that was served from a source. */
export type Adoption = v.InferOutput<typeof adoption>;

export type HostedRecord = Publication | Yank | Adoption;

const hostedRecord = v.union([yank, adoption, publication]);

export function isYank(record: HostedRecord): record is Yank {
  return record.does === 'yank' || record.does === 'unyank';
}

export function isAdoption(record: HostedRecord): record is Adoption {
  return record.does === 'adopt';
}

export function isPublication(record: HostedRecord): record is Publication {
  return !isYank(record) && !isAdoption(record);
}

/** Reads a module's file: one JSON object a line, in the order in which it was done. */
export function parsePublishers(bytes: Buffer): HostedRecord[] {
  return bytes
    .toString('utf8')
    .split('\n')
    .flatMap((line, position) => {
      if (line === '') return [];
      const parsed = v.safeParse(hostedRecord, parseJson(line));
      if (parsed.success) return [parsed.output];
      throw new StorageError(`line ${position + 1} of a module's publishers cannot be read`, {
        hint: damageHint,
      });
    });
}

export function formatHostedRecord(one: HostedRecord): string {
  return `${JSON.stringify(one)}\n`;
}
