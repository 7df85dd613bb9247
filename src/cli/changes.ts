import type { ModuleChange } from '../registry/decide/planned-change.ts';
import type { SyncReport } from '../registry/sync/sync-report.ts';
import { count, groupDigits, nameSome } from './format.ts';

const namedVersions = 5;

/** `887 modules (12 added, 1 removed)`: what a sync or an edit did to the served index, in one line. */
export function summariseChanges(report: SyncReport): string {
  const kinds: readonly ModuleChange['kind'][] = ['added', 'changed', 'moved', 'removed'];
  const parts = kinds.flatMap((kind) => {
    const number = report.changes.filter((change) => change.kind === kind).length;
    return number === 0 ? [] : [`${groupDigits(number)} ${kind}`];
  });
  return `${count(report.modules, 'module')} (${parts.length === 0 ? 'unchanged' : parts.join(', ')})`;
}

/** One module's change, e.g. `+ alice/json 1.0.0, 1.1.0 (partner)`. */
export function formatChange(change: ModuleChange): string {
  const { module, kind, origin, previousOrigin, versionsAdded, versionsRemoved } = change;
  const versions = [
    versionsAdded.length > 0 ? `+ ${nameSome(versionsAdded, namedVersions)}` : '',
    versionsRemoved.length > 0 ? `- ${nameSome(versionsRemoved, namedVersions)}` : '',
  ].filter(Boolean);
  const where = kind === 'moved' ? `${previousOrigin ?? '?'} -> ${origin}` : origin;
  return [`${kind} ${module} (${where})`, ...versions].join('  ');
}
