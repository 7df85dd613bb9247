import type { Fault } from './start-child.ts';

export interface KillPoint extends Fault {
  readonly name: string;
}

/**
 * Every instant at which the process is killed: before and after each step, in the middle of each write; for git
 * before it starts, while it runs (with it, and leaving it to itself), when it has taken its locks, when it has moved
 * the refs, and after its end.
 */
export function listKillPoints(steps: readonly string[]): KillPoint[] {
  return steps.flatMap((name, position) => {
    const hows = name.startsWith('git ') ? gitInstants(name) : fileInstants(name);
    return hows.map((how) => ({ step: position + 1, how, name }));
  });
}

function gitInstants(name: string): string[] {
  const movesRefs = name === 'git update-ref' || name === 'git fast-import';
  // It ends with our process.
  if (name === 'git cat-file') return ['before', 'during', 'orphan'];
  return ['before', 'during', 'orphan', 'after', ...(movesRefs ? ['prepared', 'committed'] : [])];
}

function fileInstants(name: string): string[] {
  const isWrite = /writeFile|appendFile|handle\.write$/.test(name);
  return isWrite ? ['before', 'half', 'after'] : ['before', 'after'];
}

/** About `wanted` of them, spread over the whole run, the moving of refs always among them; all with `FAULTS=all`. */
export function sample<T extends Fault>(points: readonly T[], wanted: number): readonly T[] {
  if (process.env.FAULTS === 'all') return points;
  const always = points.filter(({ how }) => how === 'prepared' || how === 'committed');
  const others = points.filter((point) => !always.includes(point));
  const stride = Math.max(1, others.length / Math.max(1, wanted - always.length));
  const chosen = Array.from(
    { length: Math.floor(others.length / stride) },
    (_, i) => others[Math.floor(i * stride)],
  );
  return [...always, ...chosen.filter((point) => point !== undefined)];
}
