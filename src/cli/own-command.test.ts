import { expect, test } from 'vitest';
import { ownCommand } from './own-command.ts';

const path = '/opt/clone/node_modules/.bin:/home/me/.local/bin:/usr/bin';

test.each([
  ['/home/me/.local/bin/moonbit-registry', 'moonbit-registry'],
  ['/opt/clone/dist/main.js', 'node /opt/clone/dist/main.js'],
  ['/opt/clone/node_modules/.bin/moonbit-registry', 'node /opt/clone/node_modules/.bin/moonbit-registry'],
  ["/home/it's me/dist/main.js", "node '/home/it'\\''s me/dist/main.js'"],
])('started as %s, it is run again by %s', (script, command) => {
  expect(ownCommand(script, path)).toBe(command);
});
