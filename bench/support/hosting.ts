import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeZip } from '../../src/registry/hosting/write-zip.ts';
import { freePort } from './nginx.ts';
import { startServer } from './process.ts';
import { findProgram, missingPrograms } from './programs.ts';
import type { OurRegistry } from './registry.ts';
import type { Bench } from './scenario.ts';

/** One version that somebody publishes, as every registry here can be given it. */
export interface Publication {
  readonly name: string;
  readonly version: string;
  readonly archive: Buffer;
}

/** Publishes one version, and throws unless the registry says that it has it. */
export type PublishOne = (publication: Publication) => Promise<void>;

const incompressibleBytes = 20_000;

/** Versions of some modules in turn, one after the other, each with bytes of its own: never the same one twice. */
export function createPublications(modules: number): () => Publication {
  let made = 0;
  return () => {
    const name = `tool-${made % modules}`;
    const version = `1.0.${Math.floor(made++ / modules)}`;
    const manifest = { name: `company/${name}`, version, license: 'MIT' };
    const archive = writeZip([
      { path: 'moon.mod.json', content: Buffer.from(JSON.stringify(manifest)), isExecutable: false },
      { path: 'src/data.bin', content: randomBytes(incompressibleBytes), isExecutable: false },
    ]);
    return { name, version, archive };
  };
}

/** Lets a registry of ours host `company/*`; returns a token that may publish there and read everything. */
export async function letHost(registry: OurRegistry): Promise<string> {
  await registry.command('config', 'hosting.namespaces', 'company/*');
  const words = ['--owner', 'bench', '--may', 'publish,read', '--for', 'company/*', '--read-for', '*'];
  const { stdout } = await registry.command('--json', 'token', 'create', 'bench', ...words);
  return (JSON.parse(stdout) as { readonly text: string }).text;
}

export function publishOnOurs(address: string, token: string): PublishOne {
  return async ({ name, version, archive }) => {
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(archive)], { type: 'application/zip' }), 'module.zip');
    const answer = await fetch(`${address}/api/v0/publish`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: form,
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`company/${name}@${version}: ${answer.status} ${text}`);
  };
}

export const verdaccioMissing = () => missingPrograms('verdaccio');

/** verdaccio with nothing upstream, where everybody may publish; its storage is its default one, on the disk. */
export async function startVerdaccio(bench: Bench) {
  const folder = join(bench.directory, 'verdaccio');
  await mkdir(folder);
  const file = join(folder, 'config.yaml');
  await writeFile(
    file,
    [
      'storage: ./storage',
      'uplinks: {}',
      "packages: { '**': { access: $all, publish: $all } }",
      'auth: { htpasswd: { file: ./htpasswd } }',
      'log: { type: stdout, format: json, level: http }',
      '',
    ].join('\n'),
  );
  const address = `http://127.0.0.1:${await freePort()}`;
  const server = await startServer(
    findProgram('verdaccio') ?? 'verdaccio',
    ['--config', file, '--listen', new URL(address).host],
    () => answers(address),
    { cwd: folder },
  );
  bench.resources.add(() => server.stop());
  return server;
}

/** As npm publishes: one document with the archive in it (npm's registry API, "PUT /{package}"). */
export function publishOnVerdaccio(address: string): PublishOne {
  return async ({ name, version, archive }) => {
    const id = `@company/${name}`;
    const file = `${name}-${version}.tgz`;
    const hash = (algorithm: string) => createHash(algorithm).update(archive);
    const dist = {
      integrity: `sha512-${hash('sha512').digest('base64')}`,
      shasum: hash('sha1').digest('hex'),
      tarball: `${address}/${id}/-/${file}`,
    };
    const attachment = {
      content_type: 'application/octet-stream',
      data: archive.toString('base64'),
      length: archive.length,
    };
    const answer = await fetch(`${address}/${encodeURIComponent(id)}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ _id: id, name: id, 'dist-tags': { latest: version } },
        versions: { [version]: { name: id, version, license: 'MIT', dist } },
        _attachments: { [file]: attachment },
      }),
    });
    const text = await answer.text();
    if (answer.status !== 201) throw new Error(`${id}@${version}: ${answer.status} ${text}`);
  };
}

/** Its address, once it answers there. */
async function answers(address: string): Promise<string> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const isUp = await fetch(`${address}/-/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return address;
    await sleep(20);
  }
  throw new Error(`nothing answers at ${address}`);
}
