import { expect, test } from 'vitest';
import type { ModuleName } from '../../model/module-name.ts';
import { closeView } from './close-view.ts';

/** What each module depends on; those of `company/` are claimed. */
const needs: Readonly<Record<string, readonly string[]>> = {
  'company/api': ['alice/json', 'company/secret', 'company/log'],
  'company/log': ['company/secret'],
  'company/secret': ['bob/only-for-secrets'],
  'alice/json': ['alice/base', 'alice/json', 'moonbitlang/core', 'nowhere/to-be-found', 'no name'],
  'alice/base': ['alice/json'],
  'eve/public': ['company/secret'],
  'bob/only-for-secrets': [],
  'moonbitlang/x': [],
};

function close(...include: string[]) {
  const walk = closeView(include, {
    served: new Set(Object.keys(needs) as ModuleName[]),
    isKept: (module) => module.startsWith('company/'),
  });
  let step = walk.next([]);
  while (!step.done) step = walk.next(needs[step.value] ?? []);
  const { modules, withheld } = step.value;
  return {
    modules: [...modules].sort(),
    withheld: withheld.map(({ module, neededBy }) => `${module} ${neededBy}`),
  };
}

test.each([
  [['bob/*'], ['bob/only-for-secrets'], []],
  [['nobody/*'], [], []],
  // All that is needed, in circles too; what nobody has cannot be.
  [['alice/base'], ['alice/base', 'alice/json'], []],
  // What is claimed is where it is named; nor is what only that needs.
  [
    ['company/api'],
    ['alice/base', 'alice/json', 'company/api'],
    ['company/secret company/api', 'company/log company/api'],
  ],
  [
    ['company/api', 'company/log'],
    ['alice/base', 'alice/json', 'company/api', 'company/log'],
    ['company/secret company/api'],
  ],
  // A stranger's module brings nothing of ours into the open.
  [['eve/*'], ['eve/public'], ['company/secret eve/public']],
  [['company/secret'], ['bob/only-for-secrets', 'company/secret'], []],
])('what %j names', (include, modules, withheld) => {
  expect(close(...include)).toEqual({ modules, withheld });
});
