import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { endProcess } from './end-process.ts';
import { canSeeProcesses, childrenOf, isBeingStarted, leavesOf, stateOf } from './process-tree.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** A leader, its helper and the helper's own, as `sh` runs them. */
async function startFamily(script: string) {
  const leader = spawn('sh', ['-c', script], { detached: true });
  const said = text(leader.stdout);
  const pid = leader.pid ?? 0;
  await vi.waitFor(() =>
    expect(leavesOf(pid).some((leaf) => leaf.pid !== pid && !isBeingStarted(leaf))).toBe(true),
  );
  return { leader, pid, said, closed: once(leader, 'close') };
}

function isAlive(pid: number): boolean {
  return !['Z', undefined].includes(stateOf(pid));
}

async function isStillAlive(pid: number): Promise<boolean> {
  for (let looks = 0; looks < 10 && isAlive(pid); looks++) await setTimeout(10);
  return isAlive(pid);
}

describe.skipIf(!canSeeProcesses())('a process that is ended (needs /proc)', () => {
  test('has waited for its helper, which ends first', async () => {
    const { leader, pid, said, closed } = await startFamily(
      'trap "echo ended first" TERM; sleep 600 & wait $!; echo waited: $?',
    );
    const [helper = 0] = childrenOf(pid) ?? [];
    // No look at the family but ours, so that the leader can speak before its turn comes.
    vi.useFakeTimers({ toFake: ['setInterval'] });
    endProcess(leader);
    // Where the machine is too busy to tell at once that the helper stands still, the next look ends it.
    for (let looks = 0; looks < 20 && (await isStillAlive(helper)); looks++) vi.advanceTimersByTime(10);
    await closed;
    expect(await said).toMatch(/^waited: (143|137)\n/);
  });

  test('is killed where it heeds nothing, with all below it', async () => {
    const { leader, pid, closed } = await startFamily('trap "" TERM; (trap "" TERM; sleep 600; :); :');
    const family = [pid, ...leavesOf(pid).map((leaf) => leaf.pid)];
    vi.useFakeTimers({ toFake: ['setInterval', 'setTimeout'] });
    endProcess(leader);
    vi.advanceTimersByTime(2000);
    vi.useRealTimers();
    await closed;
    expect(family.filter(isAlive)).toEqual([]);
  });

  test('is left alone once it is gone', async () => {
    const leader = spawn('true', { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    leader.stdout.resume();
    leader.stderr.resume();
    await once(leader, 'close');
    const kill = vi.spyOn(process, 'kill');
    endProcess(leader);
    expect(kill).not.toHaveBeenCalled();
    kill.mockRestore();
  });
});
