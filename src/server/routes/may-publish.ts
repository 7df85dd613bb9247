import { overlaps } from '../../model/pattern.ts';
import { mayFor, type OnlyVersion, type TokenHolder } from '../../registry/access/permissions.ts';
import type { JudgePublisher } from '../../registry/hosting/publication.ts';
import type { PublishOutcome } from '../../registry/hosting/publish-outcome.ts';

/** What the holder of a token may publish. The official words where it is of another owner. */
export function judgeHolder(holder: TokenHolder): JudgePublisher {
  return (module, version, checksum) => {
    if (!mayFor(holder, 'publish', module)) {
      const [owner = ''] = module.split('/');
      const mayForOwner = holder.grants.publish?.some((pattern) => overlaps(pattern, `${owner}/*`));
      if (!mayForOwner) return { kind: 'other-owner', owner, user: holder.owner };
      return refused(`This token may not publish ${module}`);
    }
    const { only } = holder;
    if (!only || isIt(only, module, version, checksum)) return undefined;
    const bytes = only.checksum === undefined ? '' : ` with the checksum ${only.checksum}`;
    return refused(`This token may publish ${only.module}@${only.version} alone${bytes}`);
  };
}

function isIt(only: OnlyVersion, ...[module, version, checksum]: Parameters<JudgePublisher>): boolean {
  if (only.module !== module || only.version !== version) return false;
  return only.checksum === undefined || only.checksum === checksum;
}

function refused(reason: string): PublishOutcome {
  return { kind: 'not-allowed', reason };
}
