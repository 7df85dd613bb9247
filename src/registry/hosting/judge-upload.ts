import type { Config } from '../../config/config.ts';
import { findBlock } from '../../model/block.ts';
import { hosted } from '../../model/hosted.ts';
import { matchesAny } from '../../model/pattern.ts';
import type { Version } from '../../model/version.ts';
import { checkResolvable } from './check-dependencies.ts';
import type { HostedModule } from './hosted-modules.ts';
import type { CheckedUpload } from './publication.ts';
import type { PublishOutcome } from './publish-outcome.ts';
import { createProblemList } from './publish-problem.ts';
import { versionProblem } from './version-rule.ts';

/**
 * What one state says to a version that somebody wants to publish: `published` where nothing stands against it, which it is not yet.
 * `listed`: see `checkResolvable`.
 */
export function judgeUpload(
  { manifest, checksum }: CheckedUpload,
  { claimant, claims, servedFrom, blocks, lookAlike, versions }: HostedModule,
  settings: Config['hosting'],
  listed: (module: string) => readonly Version[],
): PublishOutcome {
  const { name, version } = manifest;
  if (claimant !== hosted) return notAllowed(`${name} is no module that may be published here`);
  if (!matchesAny(claims, name))
    return notAllowed(
      `${name} differs only in letter case or Unicode form from names that may be published here`,
    );
  if (servedFrom !== undefined)
    return notAllowed(
      `${name} is served from another registry so far, and stays with it: publish under a name that is new`,
    );
  if (lookAlike !== undefined && lookAlike !== name)
    return notAllowed(`${name} looks like ${lookAlike} on disks that fold letter case or Unicode form`);
  const block = findBlock(blocks, name, version);
  if (block?.isWithdrawn)
    return notAllowed(`${name}@${version} was withdrawn, and is not published again: ${block.reason}`);
  if (block) return notAllowed(`${name} is blocked here: ${block.reason}`);
  if (versions.get(version) === checksum) return { kind: 'already-published' };
  const problem = versionProblem(settings.requireIncreasingVersions, [...versions.keys()], version);
  if (problem?.kind === 'exists') return { kind: 'version-exists', version };
  if (problem) return { kind: 'not-higher', version, highest: problem.highest };
  const problems = createProblemList();
  checkResolvable(manifest.dependencies, listed, settings.requireResolvable, problems);
  return problems.isRefusal ? { kind: 'refused', problems: problems.all() } : { kind: 'published' };
}

export function notAllowed(reason: string): PublishOutcome {
  return { kind: 'not-allowed', reason };
}
