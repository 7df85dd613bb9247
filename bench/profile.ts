/**
 * Where time went, by function: `node bench/run.mjs profile FILE.cpuprofile…`, for what `npm run bench -- ROW
 * --profiles FOLDER` wrote. "Self" is in the function itself, "total" with all it called; shares are of the time in
 * which the main thread was busy.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { formatTable } from './support/report.ts';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const shown = 25;

for (const file of process.argv.slice(2)) console.log(`${file}\n${summarise(file)}\n`);

function summarise(file: string): string {
  const profile: Profile = JSON.parse(readFileSync(file, 'utf8'));
  const selfById = new Map<number, number>();
  for (const [position, id] of profile.samples.entries())
    selfById.set(id, (selfById.get(id) ?? 0) + (profile.timeDeltas[position] ?? 0) / 1000);
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const self = new Map<string, number>();
  const total = new Map<string, number>();
  // A function that calls itself counts once.
  const visit = (node: ProfileNode, above: ReadonlySet<string>): number => {
    const name = describe(node);
    const inside = new Set(above).add(name);
    const own = selfById.get(node.id) ?? 0;
    const below = (node.children ?? [])
      .flatMap((id) => nodes.get(id) ?? [])
      .map((child) => visit(child, inside))
      .reduce((sum, time) => sum + time, 0);
    self.set(name, (self.get(name) ?? 0) + own);
    if (!above.has(name)) total.set(name, (total.get(name) ?? 0) + own + below);
    return own + below;
  };
  const root = profile.nodes[0];
  const all = root ? visit(root, new Set()) : 0;
  const busy = all - (self.get('(idle)') ?? 0);
  const lines = [...self]
    .filter(([name]) => name !== '(idle)' && name !== '(root)')
    .sort(([, a], [, b]) => b - a)
    .slice(0, shown)
    .map(([name, time]) => [
      `${((time / busy) * 100).toFixed(1)} %`,
      `${(((total.get(name) ?? 0) / busy) * 100).toFixed(1)} %`,
      name,
    ]);
  return [
    `busy ${busy.toFixed(0)} ms of ${all.toFixed(0)} ms`,
    formatTable(['self', 'total', 'function'], lines),
  ].join('\n');
}

function describe({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const place = url === '' ? '' : ` (${url.startsWith('node:') ? url : basename(url)}:${lineNumber + 1})`;
  return `${functionName || '(anonymous)'}${place}`;
}
