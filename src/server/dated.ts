import { LRUCache } from 'lru-cache';
import { type Answer, type ProblemAnswer, problem } from '../http/answer.ts';
import { parseWhen, whenForms } from '../model/when.ts';
import type { Past } from '../registry/registry.ts';
import type { FoundState } from '../registry/sync/past-states.ts';
import { type GuardedRoute, readsAll } from './access.ts';
import { createEditionRoutes, type EditionGround } from './edition-routes.ts';
import type { Edition, EditionKind } from './editions.ts';

/** Of each at most one catalogue is in memory. */
const rememberedEditions = 4;

/** `/at/WHEN/`: the index as it was served at a moment that is over, or in a state, for ever the same. */
export function createDatedEditions(registry: Past, ground: EditionGround): EditionKind {
  const known = new LRUCache<string, Edition>({ max: rememberedEditions });
  return {
    root: '/at/',
    need: () => readsAll,
    async open(name) {
      const when = parseWhen(name);
      if (!when)
        return problem('absent', `${JSON.stringify(name)} names no moment.`, {
          hint: `they are written /at/WHEN/, where WHEN is ${whenForms}`,
        });
      const found = await registry.findState(when);
      if (found.kind === 'none') return describeNone(found);
      const { commit, until } = found.state;
      const key = `${name} ${commit} ${until}`;
      const edition = known.get(key) ?? {
        kind: 'edition',
        routes: createEditionRoutes(
          registry.serveState(found.state),
          `/at/${encodeURIComponent(name)}`,
          ground,
        ),
        finish: lasting,
      };
      known.set(key, edition);
      return edition;
    },
  };
}

function describeNone({ detail, instead }: Extract<FoundState, { kind: 'none' }>): ProblemAnswer {
  return problem('absent', detail, {
    hint:
      instead === undefined
        ? 'ask whoever operates this registry: moonbit-registry state log'
        : `ask for /at/${instead}/`,
  });
}

/** An hour: what is listed never changes, and whoever asks again each time would only hear that. */
const lastingCaching = { 'Cache-Control': 'public, max-age=3600', Vary: 'Git-Protocol' };

/** Answers that change only with the index may be kept by caches: this index does not change. */
function lasting(route: GuardedRoute, answer: Answer): Answer {
  if (!route.showsStaleness || answer.kind !== 'content') return answer;
  return { ...answer, headers: { ...answer.headers, ...lastingCaching } };
}
