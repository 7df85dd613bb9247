// Writes the tables of docs/json.md, from the shapes in test/support/json-shapes.ts. `test/json-shapes.test.ts` fails when they are out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './ensure.mjs';

const { outputFiles } = await build({
  absWorkingDir: root,
  stdin: { contents: "export { renderJsonShapes } from './test/support/json-shapes.ts';", resolveDir: root },
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
});
const code = Buffer.from(outputFiles[0].contents).toString('base64');
const { renderJsonShapes } = await import(`data:text/javascript;base64,${code}`);
const file = join(root, 'docs/json.md');
const text = readFileSync(file, 'utf8');
writeFileSync(
  file,
  text.replace(
    /<!-- shapes -->[\s\S]*<!-- \/shapes -->/,
    () => `<!-- shapes -->\n${renderJsonShapes()}\n<!-- /shapes -->`,
  ),
);
