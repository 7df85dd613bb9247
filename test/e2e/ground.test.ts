/** What only looks works wherever the data can be read, and a server serves what is there: on real file systems. */
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { git } from '../support/git-client.ts';
import { mayMount, mountMemory, mountReadOnly } from '../support/mounts.ts';
import type { CliOutcome } from '../support/run-cli.ts';
import { startUpstream } from '../support/worlds.ts';
import { type CliRegistry, cliRegistryIn, createCliRegistry } from './cli-registry.ts';

const canMount = mayMount('a read-only, a full disk, and one without inodes');

async function createWorld() {
  const upstream = await startUpstream(['alice/json@1.0.0', 'alice/xml@1.0.0']);
  await upstream.publish('bob/big@1.0.0', { sizeBytes: 2_500_000 });
  const registry = await createCliRegistry({ sources: [{ name: 'main', upstream }], runner: 'here' });
  expect((await registry.run('mirror', 'alice/json')).code).toBe(0);
  // For the next sync to find.
  await upstream.publish('alice/new@1.0.0');
  return { registry, upstream };
}

/** Each with the exit codes that say it has done what it is for; `doctor` tells of the data folder. */
const looks: readonly (readonly [words: string, ...codes: number[]])[] = [
  ['status', 0],
  ['list', 0],
  ['explain alice/json', 0],
  ['path alice/json@1.0.0', 0],
  ['conflicts', 0],
  ['block --list', 0],
  ['config server.port', 0],
  ['source list', 0],
  ['source check', 0],
  ['plan', 0],
  ['plan --fresh', 3],
  ['sync --dry-run', 0],
  ['mirror --dry-run alice/xml', 0],
  ['source remove main --dry-run', 3],
  ['verify --deep', 0],
  ['doctor', 1],
];

/** `wanted`: these commands, where the others were tried on such ground already. */
async function expectLooking(registry: CliRegistry, wanted = looks): Promise<void> {
  const outcomes: (readonly [string, number | null])[] = [];
  for (const [words] of wanted) outcomes.push([words, (await registry.run(...words.split(' '))).code]);
  expect(outcomes).toEqual(wanted.map(([words, code]) => [words, code]));
  const backup = await registry.run('backup', join(registry.surroundings, 'backup.tar'));
  expect(backup.code).toBe(0);
}

function expectRefusal({ code, stderr }: CliOutcome, hint: string): void {
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: cannot /);
  expect(stderr).toContain(`hint: ${hint}`);
}

function fill(folder: string): void {
  for (let size = 1 << 18; size >= 1; size = Math.floor(size / 4))
    for (let count = 0; ; count++)
      try {
        writeFileSync(join(folder, `filler-${size}-${count}`), Buffer.alloc(size));
      } catch {
        break;
      }
}

describe.skipIf(!canMount)('on a read-only mount', () => {
  test('everything can be looked at, and a change says why it cannot be made', async () => {
    const { registry } = await createWorld();
    mountReadOnly(registry.directory, join(registry.surroundings, 'readonly'));
    const here = cliRegistryIn(registry.surroundings, 'readonly', 'here');
    await expectLooking(here);
    expectRefusal(await here.run('sync'), 'the file system is mounted read-only');
    expect(readdirSync(join(registry.surroundings, 'tmp'))).toEqual([]);
  });

  test('a server serves what is there and passes on what is not, and says so once', async () => {
    const { registry } = await createWorld();
    mountReadOnly(registry.directory, join(registry.surroundings, 'readonly'));
    const here = cliRegistryIn(registry.surroundings, 'readonly');
    const server = await here.serve();
    await git(['clone', '--quiet', `${server.baseUrl}/git/index`, join(registry.surroundings, 'clone')]);
    for (const id of ['alice/json', 'alice/xml', 'bob/big']) {
      const answer = await fetch(`${server.baseUrl}/user/${id}/1.0.0.zip`);
      expect([id, answer.status]).toEqual([id, 200]);
      expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(0);
    }
    expect((await fetch(`${server.baseUrl}/ready`)).status).toBe(200);
    const { code, stderr } = await server.stop();
    expect(code).toBe(0);
    expect(stderr.match(/\b(warn|error)\b.*/g)).toEqual([
      expect.stringMatching(/the disk takes nothing new.*hint="the file system is mounted read-only/),
    ]);
  });

  test('a server cannot begin without data, and says why', async () => {
    const { registry } = await createWorld();
    const empty = cliRegistryIn(registry.surroundings, 'empty');
    cpSync(join(registry.directory, 'registry.toml'), join(empty.directory, 'registry.toml'));
    mountReadOnly(empty.directory, join(registry.surroundings, 'readonly'));
    const here = cliRegistryIn(registry.surroundings, 'readonly');
    expectRefusal(await here.run('serve', '--port', '0'), 'the file system is mounted read-only');
  });
});

describe.skipIf(!canMount).each([
  ['without space', 'size=4m', fill],
  ['without inodes', 'size=64m,nr_inodes=120', fill],
])('on a disk %s', (_, options, fillUp) => {
  test('everything can be looked at, and a change says what to do', async () => {
    const { registry } = await createWorld();
    const place = join(registry.surroundings, 'full');
    mountMemory(place, options);
    cpSync(registry.directory, place, { recursive: true, preserveTimestamps: true });
    fillUp(place);
    const here = cliRegistryIn(registry.surroundings, 'full', 'here');
    await expectLooking(
      here,
      looks.filter(([words]) => /^(status|source check|sync|verify|doctor)/.test(words)),
    );
    expectRefusal(await here.run('sync'), 'free some space on that disk');
    expectRefusal(await here.run('config', 'server.port', '81'), 'free some space on that disk');
    const another = join(place, 'another');
    expectRefusal(await here.run('init', another), 'free some space on that disk');
    expect(existsSync(join(another, 'registry.toml'))).toBe(false);
    const names = [place, join(place, 'data', 'locks')].flatMap((folder) => readdirSync(folder));
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('not root: looking as another user is not tested for real');

test.skipIf(!isRoot)('another user who may not write looks at everything, too', async () => {
  const { registry } = await createWorld();
  openToAll(registry.surroundings);
  chmodSync(join(registry.surroundings, 'tmp'), 0o1777);
  const as = { uid: nobody, gid: nobody };
  const program = cliRegistryIn(registry.surroundings, 'registry');
  const look = async (...words: string[]) => program.runWith({ as }, ...words);
  expect(await look('status')).toMatchObject({ code: 0, stderr: '' });
  expect((await look('sync', '--dry-run')).stdout).toContain('added alice/new');
  expect((await look('verify')).stdout).toContain('Sound.');
  const doctor = await look('doctor');
  expect(doctor.code).toBe(1);
  expect(doctor.stdout).toContain('run as the user who owns it');
  expect(doctor.stdout).toContain('source main: archive');
  expect(await look('sync')).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: .*\nhint: /) });
});

function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    const { mode } = statSync(path);
    chmodSync(path, mode | 0o044 | ((mode & 0o100) !== 0 ? 0o011 : 0));
  }
}

describe('with a damaged pack', () => {
  const damages: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
    'that was cut': (bytes) => bytes.subarray(0, 100),
    'with wrong bytes': (bytes) =>
      Buffer.from(bytes.map((byte, i) => (i > 14 && i % 37 === 0 ? ~byte : byte))),
  };
  test.each(Object.entries(damages))(
    '%s, each says what is damaged, and doctor the rest',
    async (_, damage) => {
      const { registry } = await createWorld();
      const packs = join(registry.directory, 'data', 'index', 'objects', 'pack');
      for (const name of readdirSync(packs).filter((each) => each.endsWith('.pack'))) {
        chmodSync(join(packs, name), 0o644);
        writeFileSync(join(packs, name), damage(readFileSync(join(packs, name))));
      }
      for (const words of ['list', 'plan --fresh', 'source check', 'verify --deep', 'backup -']) {
        const { code, stdout, stderr } = await registry.run(...words.split(' '));
        expect([words, code === 70, `${stdout}${stderr}`.includes('this is a bug')]).toEqual([
          words,
          false,
          false,
        ]);
      }
      expect((await registry.run('status')).stderr).toMatch(/hint:.*moonbit-registry verify/);
      const doctor = await registry.run('doctor');
      expect(doctor.stdout).toMatch(/FAILURE +index: /);
      expect(doctor.stdout).toContain('source main: TCP');
      expect(doctor.stdout).toContain('moon: config.json');
    },
  );
});
