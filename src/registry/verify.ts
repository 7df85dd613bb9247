import { existsSync } from 'node:fs';
import { loadConfig } from '../config/load.ts';
import { StorageError } from '../errors.ts';
import { dataLayout } from './data-layout.ts';
import type { OpenOptions } from './ground.ts';
import { openRegistry } from './open.ts';
import { withRegistryLock } from './registry-lock.ts';
import { lookAtData } from './upkeep/data-standing.ts';
import { findMisplaced } from './upkeep/misplaced.ts';
import { describeOutOfReach, findOwnedByOthers } from './upkeep/owners.ts';
import type { VerifyOptions } from './upkeep/verify-options.ts';
import type { VerifyReport, VerifyStep } from './upkeep/verify-report.ts';
import { skipped, stepOf, verifyRepository } from './upkeep/verify-repository.ts';
import { verifyStanding } from './upkeep/verify-standing.ts';

const contentSteps = ['ledger', 'index', 'archives', 'temporary-files'] as const;

/**
 * Verifies a registry, also one too damaged to be opened: then what would need it open is skipped. Never changes a pin;
 * without `repair` it changes nothing at all.
 */
export async function verifyRegistry(opening: OpenOptions, options: VerifyOptions): Promise<VerifyReport> {
  const { registry, sources } = await loadConfig(opening.directory);
  const { deep = false, repair = false } = options;
  const layout = dataLayout(registry.dataDir);
  const data = await lookAtData(opening.directory, registry.dataDir);
  // A damaged index is what this is for; one that is not there is nothing to look at.
  if (data.kind === 'lost' && (data.isGone || !existsSync(layout.index))) throw data.error;
  if (data.kind === 'none')
    throw new StorageError(`there is no index repository in ${layout.index}`, {
      hint: 'run "moonbit-registry sync" to make one, or restore the folder from a copy of it',
    });
  const wrong = (await findMisplaced(registry.dataDir)).find(({ path }) => path === layout.packages);
  if (wrong !== undefined) throw new StorageError(wrong.detail, { hint: wrong.hint });
  const [first, ...others] = (await findOwnedByOthers(layout.index)).filter(
    ({ wanted }) => wanted === 'read',
  );
  if (first !== undefined) {
    const { detail, hint } = describeOutOfReach([first, ...others], registry.dataDir);
    throw new StorageError(`nothing can be verified: ${detail}`, { hint });
  }
  options.onProgress?.({ step: 'repository', done: 0, total: 0 });
  const look = async () =>
    verifyRepository(layout.index, await verifyStanding(layout.index, { repair, signal: options.signal }), {
      deep,
      signal: options.signal,
      sources: new Set(sources.map(({ name }) => name)),
      isRepaired: repair,
    });
  const [repository, state] = repair ? await withRegistryLock(layout, look) : await look();
  const mode = repair ? 'write' : 'read';
  const contents =
    state.outcome === 'sound' ? await verifyOpen({ ...opening, mode }, options) : contentSteps.map(skipped);
  const steps = [repository, state, ...contents];
  return { deep, repair, isSound: steps.every(({ outcome }) => outcome === 'sound'), steps };
}

async function verifyOpen(opening: OpenOptions, options: VerifyOptions): Promise<readonly VerifyStep[]> {
  const opened = await openRegistry(opening);
  try {
    return await opened.verify(options);
  } catch (error) {
    // What is the matter with it belongs to the first step that needs it open.
    if (!(error instanceof StorageError)) throw error;
    const [first, ...others] = contentSteps;
    return [stepOf(first, 0, [stoppedBy(error)]), ...others.map(skipped)];
  } finally {
    await opened.close();
  }
}

function stoppedBy({ message }: StorageError) {
  return {
    severity: 'problem',
    subject: 'the index repository',
    detail: message,
    isRepaired: false,
  } as const;
}
