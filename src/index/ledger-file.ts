import { StorageError } from '../errors.ts';
import { type Checksum, isChecksum } from '../model/checksum.ts';
import { isVersion, type Version } from '../model/version.ts';
import { damageHint } from './restore-hint.ts';

/** What was served as one version, for ever (rule 3). */
export interface Pin {
  readonly version: Version;
  readonly checksum: Checksum;
  /** ISO 8601, UTC. */
  readonly firstSeen: string;
  /** The source it was first served from. */
  readonly source: string;
  /**
   * Digest of what it requires, as `requirementsDigest` gives it; `undefined` where it was pinned by format 1 and has not
   * been served since.
   */
  readonly requirements: string | undefined;
  /** Further columns, of a later program. */
  readonly extra?: readonly string[] | undefined;
}

const unknownRequirements = '-';

/**
 * A module's pins, one a line: `VERSION CHECKSUM FIRST-SEEN SOURCE REQUIREMENTS`; format 1 had no last column. Lines are
 * added; one is replaced only when the operator says so.
 */
export function parseLedgerFile(bytes: Buffer): Pin[] {
  return bytes
    .toString('utf8')
    .split('\n')
    .flatMap((line, position) => {
      if (line === '') return [];
      const [version, checksum, firstSeen, source, stated, ...extra] = line.split(' ');
      if (!isVersion(version) || !isChecksum(checksum) || firstSeen === undefined || source === undefined)
        throw new StorageError(
          `line ${position + 1} of a module's ledger cannot be read: ${JSON.stringify(line)}`,
          { hint: damageHint },
        );
      const requirements = stated === unknownRequirements ? undefined : stated;
      return [{ version, checksum, firstSeen, source, requirements, ...(extra.length > 0 ? { extra } : {}) }];
    });
}

export function formatLedgerFile(pins: readonly Pin[]): string {
  return pins
    .map(({ version, checksum, firstSeen, source, requirements = unknownRequirements, extra = [] }) => {
      const columns = [version, checksum, firstSeen, source, requirements, ...extra];
      return `${columns.join(' ')}\n`;
    })
    .join('');
}
