/** The built program beside a hostile source: exit codes, memory, processes, and what reaches a terminal. */
import { randomUUID } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { peakDuring, residentMiB } from '../../bench/support/processes.ts';
import { canCountResources } from '../faults/client-world.ts';
import { fastDirectory } from '../faults/fast-directory.ts';
import { shallowClone } from '../support/git-client.ts';
import { type RunningCli, startCli } from '../support/run-cli.ts';
import { sha256 } from '../support/worlds.ts';
import { createRandom, type Random } from '../worlds/random.ts';
import type { Attack } from './attack.ts';
import { silence } from './attacks/git-talk.ts';
import { chooseAttack } from './campaign.ts';
import { runWatched } from './commands.ts';
import { familyOf, openFilesOf, runningOf } from './process-tree.ts';
import { findSecret, findUnsafe } from './secrets.ts';
import { createHostileWorld, type HostileWorld, type News, type Shape } from './world.ts';

const root = fastDirectory();
const seconds = Number(process.env.HOSTILE_SECONDS ?? 5);
const isLong = seconds >= 60;
const seed = Number(process.env.HOSTILE_SEED ?? Math.floor(Math.random() * 1e9));
const repeat = `repeat with HOSTILE_SEED=${seed} npm run test:hostile -- test/hostile/served.test.ts`;
/** In a long campaign each of the two takes a share of the time of the other test. */
const timeout = seconds * 1000 + 300_000;
/** Beyond what the program takes when it does nothing. */
const memoryMiB = 300;
/** Of a command that does nothing, its helpers included. */
const idleCommandMiB = 110;
const openFiles = 80;

async function createWorld(shape: Partial<Shape>, random: Random): Promise<HostileWorld> {
  const usual: Shape = { trust: 'least', claims: false, transport: 'smart', hasToken: true, wasGood: true };
  const world = await createHostileWorld(root, { ...usual, ...shape }, random);
  onTestFinished(() => world.close());
  await world.publish();
  return world;
}

function begin(world: HostileWorld, attack: Attack): Promise<readonly News[]> {
  world.host.calm();
  attack.apply(world.host);
  return world.publish();
}

function expectClean(text: string, { token }: HostileWorld, what: string): void {
  expect(findUnsafe(text), what).toBeUndefined();
  expect(findSecret(text, token), what).toBeUndefined();
}

describe.skipIf(!canCountResources)('the built program', () => {
  test('ends every command with 0 or 3, in bounded memory, and says nothing that it should not', {
    timeout,
  }, async () => {
    const random = createRandom('commands', seed);
    const until = performance.now() + (seconds * 1000) / 3;
    const world = await createWorld({ trust: random.chance(0.5) ? 'least' : 'most' }, random);
    const run = async (...words: string[]) => {
      const ended = await runWatched(words, { cwd: world.directory, env: world.env });
      const what = `${words.join(' ')}: ${ended.stderr.slice(-1000)}\n${repeat}`;
      expectClean(`${ended.stdout}\n${ended.stderr}`, world, what);
      return { ...ended, what };
    };
    expect((await run('sync')).code).toBe(0);
    do {
      const attack = chooseAttack(random, world, false);
      const news = await begin(world, attack);
      const sync = await run('sync', '--json');
      const what = `${attack.name}: ${sync.what}`;
      expect([0, 3], what).toContain(sync.code);
      expect(sync.peakMiB, what).toBeLessThan(idleCommandMiB + memoryMiB);
      for (const words of furtherCommands(random)) {
        const { code, what: whatElse } = await run(...words);
        expect([0, 1, 3], `${attack.name}: ${whatElse}`).toContain(code);
        // Failures are for what the operator asked about by name, and for `doctor`, which looks for them.
        if (!/doctor|check|explain|mirror/.test(words.join(' '))) expect(code, whatElse).not.toBe(1);
      }
      for (const { module, version, isNewName, source } of isLong ? news : news.slice(0, 1)) {
        if (isNewName && world.isTrustedMoreThan(source)) continue;
        const { stdout } = await run('explain', `${module}@${version}`, '--json');
        expect(JSON.parse(stdout), what).toMatchObject({ isServed: true, origin: source });
      }
    } while (isLong && performance.now() < until);
    await world.configure('removed');
    await run('sync');
    expect(await run('verify', '--deep')).toMatchObject({ code: 0 });
  });

  test('serves on within its memory, and leaves nothing running when it is told to end', {
    timeout,
  }, async () => {
    const random = createRandom('serve', seed);
    const until = performance.now() + (seconds * 1000) / 3;
    const world = await createWorld({}, random);
    const server = await startCli(['serve', '--port', '0'], { cwd: world.directory, env: world.env });
    onTestFinished(async () => void (await server.stop('SIGKILL')));
    await waitForNews(server, world.published, 'calm');
    const idle = { memoryMiB: residentMiB(server.pid), files: openFilesOf(server.pid) };
    do {
      const attack = chooseAttack(random, world, false);
      const news = await begin(world, attack);
      const what = `${attack.name}: ${repeat}`;
      const peak = await peakDuring(server.pid, async () => {
        await refresh(world);
        await waitForNews(server, news, what);
        await fetch(`${server.baseUrl}/user/evil/tool/1.1.0.zip`).then((answer) => answer.arrayBuffer());
        await shallowClone(`${server.baseUrl}/git/index`, join(world.directory, '..', randomUUID()));
      });
      expect(peak - idle.memoryMiB, what).toBeLessThan(memoryMiB);
      expect(openFilesOf(server.pid), what).toBeLessThan(idle.files + openFiles);
      const health = await fetch(`${server.baseUrl}/health`);
      expect(health.status, what).toBe(200);
      expectClean(await health.text(), world, what);
      expectClean(server.output(), world, what);
    } while (isLong && performance.now() < until);

    // One that has no end by itself.
    world.host.calm();
    const started = world.host.openRequests();
    endless(random, world).apply(world.host);
    await refresh(world);
    // Whom the attack before has put off is left alone for half a minute first.
    await vi.waitFor(() => expect(world.host.openRequests()).toBeGreaterThan(started), { timeout: 60_000 });
    const family = familyOf(server.pid);
    expect(await server.stop()).toMatchObject({ code: 0 });
    await vi.waitFor(() => expect(runningOf(family), repeat).toEqual([]), { timeout: 10_000 });
    await vi.waitFor(() => expect(world.host.openRequests()).toBe(0), { timeout: 10_000 });
  });
});

function endless(random: Random, world: HostileWorld): Attack {
  for (;;) {
    const attack = silence(random, world.target());
    if (attack.name === 'silence: within objects') return attack;
  }
}

/** An edit makes it read the sources at once. */
function refresh(world: HostileWorld): Promise<void> {
  return appendFile(join(world.directory, 'registry.toml'), '# edited\n');
}

async function waitForNews(server: RunningCli, news: readonly News[], what: string): Promise<void> {
  for (const { module, version, checksum } of news) {
    const address = `${server.baseUrl}/user/${module}/${version}.zip`;
    await vi.waitFor(
      async () => {
        const answer = await fetch(address);
        const bytes = new Uint8Array(await answer.arrayBuffer());
        expect(sha256(bytes), what).toBe(checksum);
      },
      { timeout: 60_000, interval: 200 },
    );
  }
}

function furtherCommands(random: Random): string[][] {
  const all = [
    ['status'],
    ['status', '--json'],
    ['source', 'check', 'evil'],
    ['doctor'],
    ['conflicts'],
    ['explain', 'evil/tool'],
    ['verify', '--deep'],
    ['plan', '--fresh'],
    ['sync', '--dry-run'],
    ['mirror', '-s', 'evil', 'evil/*'],
    ['source', 'list'],
  ];
  return isLong ? all : [all[random.below(all.length)] ?? ['status'], ['status']];
}
