// Writes registry.schema.json from the definition in src/config/schema.ts.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['src/config/json-schema.ts'],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
});
const [bundle] = outputFiles;
const { renderJsonSchema } = await import(
  `data:text/javascript;base64,${Buffer.from(bundle.contents).toString('base64')}`
);
writeFileSync(new URL('../registry.schema.json', import.meta.url), renderJsonSchema());
