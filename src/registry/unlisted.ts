import { type Lookup, unavailable } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Observations } from './observations.ts';
import { claimantOf, maySupply, type Policy, type PolicySource } from './policy.ts';

/** When a client may ask again: about when the next sync has been. */
const retryAfterMs = 60_000;

/**
 * What to say of a version that is not listed: `undefined` where every source that may supply it is known as it is now, so that
 * nobody has it; else that nobody can tell (rule 4), and whom that is waiting for.
 */
export function unlisted(
  module: ModuleName,
  recorded: string | undefined,
  policy: Policy,
  observations: Observations,
): Lookup<never> | undefined {
  const unknown = suppliersOf(module, recorded, policy).find(
    (source) => source.isEnabled && !wasReadWell(source, observations),
  );
  if (!unknown) return undefined;
  const detail = `it is not listed, and source "${unknown.name}", which may supply it, could not be read lately`;
  return unavailable({ reason: 'not-current', detail, retryAfterMs });
}

/** Who could bring a version: the claimant of the name, the module's origin, or whoever lists it first. */
function suppliersOf(
  module: ModuleName,
  recorded: string | undefined,
  policy: Policy,
): readonly PolicySource[] {
  const only = claimantOf(policy, module)?.name ?? recorded;
  return policy.sources.filter((source) =>
    only === undefined ? maySupply(source, module) : source.name === only,
  );
}

/** Whether its last reading, by whichever process, was good; see `DecisionContext`. */
export function wasReadWell({ name, hasBeenRead }: PolicySource, observations: Observations): boolean {
  const last = observations[name];
  if (!hasBeenRead || last === undefined) return false;
  return last.failure === undefined && last.held === undefined && last.isStaleUpstream !== true;
}
