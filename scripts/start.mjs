// In this process, so that the demo hears of a signal but once from each who sends it.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, ensureInstalled, root } from './ensure.mjs';

ensureInstalled();
ensureBuilt();
const entry = join(root, 'dist', 'main.js');
process.argv.splice(1, 1, entry, 'demo');
void import(pathToFileURL(entry));
