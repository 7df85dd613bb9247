import { expect, test } from 'vitest';
import { needsNothing } from './access.ts';
import { type EditionKind, splitEdition } from './editions.ts';

const dated: EditionKind = {
  root: '/at/',
  need: () => needsNothing,
  open: async () => ({ kind: 'edition', routes: [] }),
};

test.each([
  ['/at/2026-11-27/git/index/info/refs', '2026-11-27', '/at/2026-11-27', '/git/index/info/refs'],
  ['/at/2026-11-27', '2026-11-27', '/at/2026-11-27', '/'],
  ['/at/2026-11-27/', '2026-11-27', '/at/2026-11-27', '/'],
  ['/at/2026-11-27//git/index', '2026-11-27', '/at/2026-11-27', '/git/index'],
  ['/at/a%2Fb/x', 'a/b', '/at/a%2Fb', '/x'],
  ['/at/%zz/x', undefined, '/at/%zz', '/x'],
  ['/at/', '', '/at/', '/'],
  ['/at//x', '', '/at/', '/x'],
  ['/at/a/at/b/x', 'a', '/at/a', '/at/b/x'],
])('%s is about the edition %s', (path, name, mark, rest) =>
  expect(splitEdition(path, [dated])).toEqual({ edition: dated, name, mark, path: rest }),
);

test.each(['/', '/at', '/attic/x', '/git/index', '/user/at/x/1.0.0.zip', '/AT/2026-11-27/'])(
  '%s is about the whole registry',
  (path) => expect(splitEdition(path, [dated])).toBeUndefined(),
);
