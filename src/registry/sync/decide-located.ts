import type { Decision, DecisionContext, LocatedFacts } from '../decide/decide-origin.ts';
import { decideOrigin } from '../decide/decide-origin.ts';
import { agreesWithPins } from '../decide/pin-changes.ts';
import type { FactContext } from './gather-facts.ts';
import { measureAll, readListed, readPins } from './source-file.ts';

/** The decision for one module, with the question of agreement answered from git. */
export async function decideLocated(
  located: LocatedFacts,
  { index, policy, budget }: Pick<FactContext, 'index' | 'policy' | 'budget'>,
  context: Omit<DecisionContext, 'agrees'>,
): Promise<Decision> {
  const tentative = decideOrigin(located, policy, { ...context, agrees: () => true });
  const { rule, origin, file: id } = tentative;
  const isMove = located.recorded !== undefined && origin !== undefined && origin !== located.recorded;
  if (!isMove || rule !== 'claimed' || id === undefined || located.ledger === undefined) return tentative;
  const pins = await readPins(index, located);
  const agrees = await budget.run(await measureAll(index, [id]), async () =>
    agreesWithPins(await readListed(index, policy, origin, id), pins),
  );
  return decideOrigin(located, policy, { ...context, agrees: () => agrees });
}
