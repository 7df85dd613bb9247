// Bundles the CLI into dist/: one small entry file, and a chunk for each lazily loaded part.
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const outdir = join(root, 'dist');

rmSync(outdir, { recursive: true, force: true });
const result = await build({
  absWorkingDir: root,
  entryPoints: { main: 'src/main.ts' },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  sourcesContent: false,
  metafile: true,
  legalComments: 'none',
  define: { __VERSION__: JSON.stringify(version) },
  chunkNames: 'chunks/[name]-[hash]',
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
});
chmodSync(join(outdir, 'main.js'), 0o755);

// The bundle carries other people's code: their licences travel with it.
const packages = new Set(
  Object.keys(result.metafile.inputs).flatMap((path) => {
    const match = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
    return match ? [match[1]] : [];
  }),
);
const notices = [...packages].sort().map((name) => {
  const folder = join(root, 'node_modules', name);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return `${name} ${manifest.version} (${manifest.license})\n\n${readLicense(folder)}`;
});
writeFileSync(join(outdir, 'LICENSES.txt'), `${notices.join(`\n${'-'.repeat(72)}\n\n`)}`);

function readLicense(folder) {
  for (const name of ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license', 'LICENCE']) {
    try {
      return readFileSync(join(folder, name), 'utf8').trimEnd().concat('\n');
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  return '(no licence file in the package)\n';
}
