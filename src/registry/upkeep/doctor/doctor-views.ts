import type { ReportedView } from '../../sync/sync-report.ts';
import { type Verdict, warning } from './probe.ts';

/** Nothing of a view that has all that its modules need. */
export function judgeView({ name, withheld }: ReportedView): Verdict[] {
  const [first] = withheld;
  if (!first) return [];
  const others = withheld.length === 1 ? '' : `, and ${withheld.length - 1} more`;
  return [
    warning(
      `"${name}" does not show ${first.module}, which ${first.neededBy} needs${others}: builds of its readers fail there`,
      `add "${first.module}" to "include" of the view "${name}" in registry.toml if its readers may see it (moonbit-registry status)`,
    ),
  ];
}
