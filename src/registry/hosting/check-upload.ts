import type { Config } from '../../config/config.ts';
import type { Checksum } from '../../model/checksum.ts';
import { type ArchiveRules, defaultArchiveRules } from './archive-rules.ts';
import type { ByteSource } from './byte-source.ts';
import { checkArchive } from './check-archive.ts';
import type { CheckedUpload } from './publication.ts';
import type { PublishOutcome } from './publish-outcome.ts';

/** What the settings say of archives. */
export function rulesOf({ hosting }: Pick<Config, 'hosting'>): ArchiveRules {
  return {
    ...defaultArchiveRules,
    maxArchiveBytes: hosting.maxArchiveBytes,
    maxUnpackedBytes: hosting.maxUnpackedBytes,
    runsCode: hosting.refuseScripts ? 'refuse' : 'remark',
  };
}

/** Whether bytes of this checksum may be published as far as they can tell by themselves. */
export async function checkBytes(
  bytes: ByteSource,
  checksum: Checksum,
  rules: ArchiveRules,
): Promise<CheckedUpload | PublishOutcome> {
  const check = await checkArchive(bytes, rules);
  if (check.kind === 'refused') return { kind: 'refused', problems: check.problems };
  return { manifest: check.archive.manifest, checksum };
}
