/** The one place that words what a view does not show though its own modules need it. */
import type { ReportedView } from '../registry/sync/sync-report.ts';
import { count } from './format.ts';

const named = 5;

/** Nothing where a view is complete. */
export function describeWithheld({ name, withheld }: ReportedView): string[] {
  if (withheld.length === 0) return [];
  return [
    `View "${name}" does not show ${count(withheld.length, 'module')} that its own need: ${listWithheld(withheld)}; builds that need one fail until it stands in "include" of the view`,
  ];
}

/** Of one view, with how many modules it has. */
export function describeView({ name, modules, withheld }: ReportedView): string {
  const shown = `View ${name}: ${count(modules, 'module')}`;
  return withheld.length === 0
    ? shown
    : `${shown}; not shown, though they need it: ${listWithheld(withheld)}`;
}

function listWithheld(withheld: ReportedView['withheld']): string {
  const names = withheld.slice(0, named).map(({ module, neededBy }) => `${module} (${neededBy})`);
  return names.join(', ') + (withheld.length > names.length ? ', …' : '');
}
