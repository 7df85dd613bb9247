// Bundles the CLI into dist/: a small entry that any Node can read, the program, and a chunk for each lazily loaded part.
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const outdir = join(root, 'dist');

const common = {
  absWorkingDir: root,
  outdir,
  bundle: true,
  format: 'esm',
  platform: 'node',
  legalComments: 'none',
};

rmSync(outdir, { recursive: true, force: true });
// Not minified, and so without source maps: a stack trace in a report names functions and lines as they are.
const program = await build({
  ...common,
  entryPoints: { start: 'src/start.ts' },
  splitting: true,
  target: 'node20.19',
  metafile: true,
  define: { __VERSION__: JSON.stringify(version) },
  chunkNames: 'chunks/[name]-[hash]',
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
});
// The entry tells a Node that is too old so, and therefore has to be readable for it.
await build({
  ...common,
  entryPoints: { main: 'src/main.ts' },
  target: 'node12.22',
  plugins: [
    {
      name: 'the program is loaded, not bundled',
      setup({ onResolve }) {
        onResolve({ filter: /^\.\/start\.ts$/ }, () => ({ path: './start.js', external: true }));
      },
    },
  ],
});
chmodSync(join(outdir, 'main.js'), 0o755);

// The bundle carries other people's code: their licences travel with it.
const packages = new Set(
  Object.keys(program.metafile.inputs).flatMap((path) => {
    const match = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
    return match ? [match[1]] : [];
  }),
);
// Of this one it is a text: src/cli/powershell-completion.json.
packages.add('@bomb.sh/tab');
const notices = [...packages].sort().map((name) => {
  const folder = join(root, 'node_modules', name);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return `${name} ${manifest.version} (${manifest.license})\n\n${readLicense(folder)}`;
});
writeFileSync(join(outdir, 'LICENSES.txt'), `${notices.join(`\n${'-'.repeat(72)}\n\n`)}`);

function readLicense(folder) {
  for (const name of ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENSE-MIT', 'license', 'LICENCE']) {
    try {
      return readFileSync(join(folder, name), 'utf8').trimEnd().concat('\n');
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  return '(no licence file in the package)\n';
}
