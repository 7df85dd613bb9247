// Writes the table of settings into README.md, from the schema. `test/documents.test.ts` fails when it is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './ensure.mjs';

const { outputFiles } = await build({
  absWorkingDir: root,
  stdin: { contents: "export { renderSettings } from './test/support/documents.ts';", resolveDir: root },
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
});
const code = Buffer.from(outputFiles[0].contents).toString('base64');
const { renderSettings } = await import(`data:text/javascript;base64,${code}`);
const file = join(root, 'README.md');
const text = readFileSync(file, 'utf8');
writeFileSync(
  file,
  text.replace(
    /<!-- settings -->[\s\S]*<!-- \/settings -->/,
    () => `<!-- settings -->\n${renderSettings()}<!-- /settings -->`,
  ),
);
