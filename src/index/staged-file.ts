import * as v from 'valibot';
import { StorageError } from '../errors.ts';
import { type Checksum, isChecksum } from '../model/checksum.ts';
import { isModuleName, type ModuleName } from '../model/module-name.ts';
import { isVersion, type Version } from '../model/version.ts';
import { parseJson } from '../support/parse-json.ts';
import { machine } from './publishers-file.ts';
import { damageHint } from './restore-hint.ts';

const checksum = v.custom<Checksum>(isChecksum);

const staging = v.looseObject({
  /** Which bytes it is about: the archive's checksum, or one that is made of all of them. */
  id: checksum,
  /** What is approved together. */
  versions: v.pipe(
    v.array(
      v.looseObject({
        module: v.custom<ModuleName>((name) => typeof name === 'string' && isModuleName(name)),
        version: v.custom<Version>(isVersion),
        checksum,
        sizeBytes: v.number(),
      }),
    ),
    v.minLength(1),
  ),
  /** Of the token that it was sent with. */
  token: v.string(),
  /** The person who answers for that. */
  owner: v.string(),
  /** Which machine it was, as its issuer says. */
  oidc: v.optional(machine),
  /** When it came; ISO 8601, UTC. */
  at: v.pipe(v.string(), v.isoTimestamp()),
  /** What has become of it; absent while it waits. */
  decision: v.optional(
    v.looseObject({
      kind: v.picklist(['approved', 'rejected', 'replaced', 'expired']),
      at: v.pipe(v.string(), v.isoTimestamp()),
      /** Who decided: a token's owner, or a user of the operating system. */
      by: v.optional(v.string()),
      /** The token that was done with; absent where it was done in the registry's directory, or by time. */
      token: v.optional(v.string()),
      reason: v.optional(v.string()),
    }),
  ),
});

/** What was sent to be published once somebody has approved it. */
export type StagingRecord = v.InferOutput<typeof staging>;
export type StagingDecision = NonNullable<StagingRecord['decision']>;

/** Reads `staged.jsonl` of a state: one JSON object a line, in the order in which they came. Throws `StorageError`. */
export function parseStagings(bytes: Buffer): StagingRecord[] {
  return bytes
    .toString('utf8')
    .split('\n')
    .flatMap((line, position) => {
      if (line === '') return [];
      const parsed = v.safeParse(staging, parseJson(line));
      if (parsed.success) return [parsed.output];
      throw new StorageError(`line ${position + 1} of staged.jsonl in refs/registry/state cannot be read`, {
        hint: damageHint,
      });
    });
}

export function formatStagings(records: readonly StagingRecord[]): string {
  return records.map((one) => `${JSON.stringify(one)}\n`).join('');
}
