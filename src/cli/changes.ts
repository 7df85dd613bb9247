import type { ModuleChange } from '../registry/decide/planned-change.ts';
import type { SyncReport } from '../registry/sync/sync-report.ts';
import { count, groupDigits } from './format.ts';

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
    versionsAdded.length > 0 ? `+ ${abbreviate(versionsAdded)}` : '',
    versionsRemoved.length > 0 ? `- ${abbreviate(versionsRemoved)}` : '',
  ].filter(Boolean);
  const where = kind === 'moved' ? `${previousOrigin ?? '?'} -> ${origin}` : origin;
  return [`${kind} ${module} (${where})`, ...versions].join('  ');
}

function abbreviate(versions: readonly string[]): string {
  const shown = versions.slice(0, 5).join(', ');
  return versions.length > 5 ? `${shown} and ${versions.length - 5} more` : shown;
}
