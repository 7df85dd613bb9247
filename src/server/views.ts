import { LRUCache } from 'lru-cache';
import { problem } from '../http/answer.ts';
import type { Settings, Views } from '../registry/registry.ts';
import type { Need } from './access.ts';
import { createEditionRoutes, type EditionGround } from './edition-routes.ts';
import type { Edition, EditionKind } from './editions.ts';

/** Of each at most one catalogue is in memory. */
const rememberedEditions = 8;

/** `/v/NAME/`: a part of the index, for whom the settings name. Nothing that is not in it is told of there. */
export function createViewEditions(registry: Views & Settings, ground: EditionGround): EditionKind {
  const known = new LRUCache<string, Edition>({ max: rememberedEditions });
  const needOf = (name: string): Need => {
    const view = registry.config.views.find((one) => one.name === name);
    return { kind: 'view', view: name, for: view?.for ?? [] };
  };
  return {
    root: '/v/',
    need: needOf,
    async open(name) {
      const view = await registry.findView(name);
      if (!view) return problem('absent', 'There is no such view.', { hint: 'GET / lists what there is' });
      const key = `${name} ${view.commit}`;
      const edition = known.get(key) ?? {
        kind: 'edition',
        routes: createEditionRoutes(view.serving, `/v/${name}`, ground),
        // All of it is for its readers, and nothing else is here.
        need: () => needOf(name),
        // Which sources are late is for who reads the whole.
        finish: (_, answer) => answer,
      };
      known.set(key, edition);
      return edition;
    },
  };
}
