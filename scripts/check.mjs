// Format, lint, types, dead code: the first failure ends it. The tests are `npm test`.
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, root, run } from './ensure.mjs';

ensureInstalled();
ensureBuilt();
const tool = (...path) => join(root, 'node_modules', ...path);
const node = (...args) => run(process.execPath, args);
node(tool('@biomejs', 'biome', 'bin', 'biome'), 'ci', '--error-on-warnings', '.');
node(tool('typescript', 'bin', 'tsc'), '-p', '.');
node(tool('knip', 'bin', 'knip.js'));
