import { StorageError } from '../errors.ts';
import { type Checksum, isChecksum } from '../model/checksum.ts';
import { isVersion, type Version } from '../model/version.ts';

/** What was served as one version, for ever (rule 3). */
export interface Pin {
  readonly version: Version;
  readonly checksum: Checksum;
  /** ISO 8601, UTC. */
  readonly firstSeen: string;
  /** The source it was first served from. */
  readonly source: string;
}

/** A module's pins, one a line: `VERSION CHECKSUM FIRST-SEEN SOURCE`. Lines are added; one is replaced only when the operator says so. */
export function parseLedgerFile(bytes: Buffer): Pin[] {
  return bytes
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [version, checksum, firstSeen, source] = line.split(' ');
      if (!isVersion(version) || !isChecksum(checksum) || firstSeen === undefined || source === undefined)
        throw new StorageError(`the ledger has a line that cannot be read: ${JSON.stringify(line)}`);
      return { version, checksum, firstSeen, source };
    });
}

export function formatLedgerFile(pins: readonly Pin[]): string {
  return pins.map((pin) => `${pin.version} ${pin.checksum} ${pin.firstSeen} ${pin.source}\n`).join('');
}
