import { type Finding, isConflict } from '../model/finding.ts';

/**
 * At most so many findings a source; the others only as their number. Conflicts come first, as they wait for the operator.
 * `limitOf`: a source's limit; `undefined` for one that is no longer configured, whose findings go with it.
 */
export function capFindings(
  findings: readonly Finding[],
  limitOf: (source: string) => number | undefined,
): Finding[] {
  const bySource = new Map<string, Finding[]>();
  for (const finding of findings) {
    const list = bySource.get(finding.source) ?? [];
    bySource.set(finding.source, list);
    list.push(finding);
  }
  return [...bySource].flatMap(([source, list]) => {
    const limit = limitOf(source);
    if (limit === undefined) return [];
    const told = list.filter(({ kind }) => kind !== 'more');
    const before = list.reduce((sum, { kind, count = 0 }) => (kind === 'more' ? sum + count : sum), 0);
    if (told.length + before <= limit) return told;
    const ordered = [...told.filter(isConflict), ...told.filter((finding) => !isConflict(finding))];
    const count = ordered.length - Math.min(limit, ordered.length) + before;
    const message = `and ${count.toLocaleString('en')} more findings about source "${source}"`;
    const more: Finding[] = count > 0 ? [{ kind: 'more', module: '', source, count, message }] : [];
    return [...ordered.slice(0, limit), ...more];
  });
}
