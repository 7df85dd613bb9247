// Installs and builds what is missing or out of date, and does nothing twice.
import './supported.mjs';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const installedStamp = join(root, 'node_modules', '.installed-from');
const builtStamp = join(root, 'dist', '.built-from');

export function run(command, args, options = {}) {
  const { status, error, signal } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) process.exit(signal ? 1 : status);
}

export function ensureInstalled() {
  const wanted = hash([join(root, 'package-lock.json')]);
  if (readStamp(installedStamp) === wanted) return;
  console.error('Installing dependencies…');
  // Exactly what the lockfile holds, or a failure. No package of ours needs its install script.
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  // Here, whatever the npm that runs us was told: `npm install -g .` tells its scripts that all is global.
  flags.push('--no-global', '--location=project', '--include=dev');
  run(process.platform === 'win32' ? 'npm.cmd' : 'npm', ['ci', ...flags], {
    stdio: ['inherit', 'ignore', 'inherit'],
  });
  writeFileSync(installedStamp, wanted);
}

export function ensureBuilt() {
  const wanted = hash([
    join(root, 'package.json'),
    join(root, 'package-lock.json'),
    join(root, 'scripts', 'build.mjs'),
    ...listFiles(join(root, 'src')),
  ]);
  if (readStamp(builtStamp) === wanted && existsSync(join(root, 'dist', 'main.js'))) return;
  console.error('Building…');
  run(process.execPath, [join(root, 'scripts', 'build.mjs')]);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(builtStamp, wanted);
}

function readStamp(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function hash(files) {
  const sum = createHash('sha256');
  for (const file of files) sum.update(`${file}\0`).update(readFileSync(file));
  return sum.digest('hex');
}

function listFiles(folder) {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? listFiles(path) : [path];
    });
}
