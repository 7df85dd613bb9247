// What npm runs before it links or packs a clone (`npm install -g .`, `npm link`, `npm pack`): the command must be there by then.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, root } from './ensure.mjs';

// Where npm itself has just installed what a clone needs, there is nothing to do twice.
if (!existsSync(join(root, 'node_modules', 'esbuild'))) ensureInstalled();
ensureBuilt();
