import { IntegrityError } from '../../errors.ts';
import { isObjectId } from '../../index/registry-state.ts';
import { parseJson } from '../../support/parse-json.ts';
import { programVersion } from '../../support/version.ts';

/** What a backup says of itself, ahead of everything else in it. */
export interface BackupFacts {
  readonly registry: string;
  /** ISO 8601, UTC. */
  readonly madeAt: string;
  /** The program that made it. */
  readonly version: string;
  /** Version of the layout of the stored data; see `formatProblem`. */
  readonly dataFormat: number;
  /** The commit of the state, and of the index that it serves. */
  readonly state: string;
  readonly served: string;
}

/** Version of what stands where in a backup. */
const backupFormat = 1;
const product = 'moonbit-registry';

export function formatBackupFacts(manifest: Omit<BackupFacts, 'version'>): Buffer {
  const value = { backupOf: product, backupFormat, version: programVersion, ...manifest };
  return Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Throws `IntegrityError` for what is no manifest, and for one of a later format. */
export function parseBackupFacts(bytes: Buffer): BackupFacts {
  const value: Record<string, unknown> = Object(parseJson(bytes.toString('utf8')));
  if (value.backupOf !== product) throw notOurs();
  if (value.backupFormat !== backupFormat)
    throw new IntegrityError(
      `it has format ${JSON.stringify(value.backupFormat)} of backups, and this program knows format ${backupFormat}`,
      { hint: `restore it with moonbit-registry ${JSON.stringify(value.version)} or later` },
    );
  const { registry, madeAt, version, dataFormat, state, served } = value;
  if (typeof dataFormat !== 'number' || !isObjectId(state) || !isObjectId(served)) throw notOurs();
  if (!isTime(madeAt)) throw notOurs();
  return {
    ...{ registry: String(registry), madeAt, version: String(version) },
    dataFormat,
    state,
    served,
  };
}

export function notOurs(): IntegrityError {
  return new IntegrityError('it is no backup of a registry, or damaged at its beginning', {
    hint: 'name a file that "moonbit-registry backup" has written; packed ones are unpacked first',
  });
}

/** As `Date` writes it. */
function isTime(value: unknown): value is string {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)) return false;
  return !Number.isNaN(Date.parse(value));
}
