/** Lives of small registries with a hostile source in each: attacks one after the other, and a cure. */

import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { openRegistry } from '../../src/registry/open.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { startServer } from '../../src/server/listen.ts';
import { createLog } from '../../src/support/log.ts';
import { countResources } from '../faults/client-world.ts';
import { tester } from '../support/actor.ts';
import { createRandom, type Random } from '../worlds/random.ts';
import { type Attack, type Channel, oneOf } from './attack.ts';
import { answers, staleUpstream } from './attacks/answers.ts';
import { bytes } from './attacks/bytes.ts';
import { brokenFiles, lines, pinned } from './attacks/files.ts';
import { gitTalk, silence } from './attacks/git-talk.ts';
import { history } from './attacks/history.ts';
import { trees } from './attacks/trees.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { commandOf, familyOf } from './process-tree.ts';
import { chooseShape, createHostileWorld, type HostileWorld, type News } from './world.ts';

/** No command and no sync may take longer, however slow the machine is. */
const patienceMs = 90_000;
const stepsOfLife = 5;

export interface CampaignOptions {
  /** A folder that the worlds live in. */
  readonly root: string;
  readonly seed: number;
  /** Attacks that take the time of a limit are for those who have it. */
  readonly mayBeSlow: boolean;
  /** Whether there is time for another step. */
  readonly hasTime: () => boolean;
  /** Told what is done, and how the hostile source was read. */
  readonly tell?: (line: string) => void;
}

/** One life. Returns what was done; throws with the seed that repeats it. */
export async function liveOnce({ root, seed, mayBeSlow, hasTime, tell }: CampaignOptions): Promise<string[]> {
  const random = createRandom('hostile', seed);
  const shape = chooseShape(random);
  const world = await createHostileWorld(root, shape, random);
  const oracle = createOracle(world);
  const done: string[] = [];
  let doing = 'beginning';
  try {
    if (shape.wasGood) await takeStep(world, oracle, { name: 'calm', apply: () => undefined });
    for (let step = 0; step < stepsOfLife && (step === 0 || hasTime()); step++) {
      const attack = chooseAttack(random, world, mayBeSlow);
      doing = attack.name;
      // What is listed before anybody else does is its own: no name that is published in this step.
      const early = { ...world.target(), fresh: ['evil-team/early'] };
      if (random.chance(0.2)) {
        await interrupt(world, chooseAttack(random, world, mayBeSlow, early), random);
        oracle.lookAway();
      }
      const outcome = await takeStep(world, oracle, attack);
      tell?.(`${seed} ${JSON.stringify(shape)} ${attack.name} -> ${outcome}`);
      done.push(attack.name);
    }
    doing = 'the cure';
    await cure(world, oracle);
    return done;
  } catch (error) {
    const life = `${JSON.stringify(shape)}, ${[...done, doing].join('; ')}`;
    const repeat = `HOSTILE_SEED=${seed} HOSTILE_SECONDS=${mayBeSlow ? 60 : 5} npm run test:hostile`;
    throw new Error(`${life}: repeat with ${repeat}`, { cause: error });
  } finally {
    await world.close();
  }
}

/** Any that fits the world. */
export function chooseAttack(
  random: Random,
  { shape, canary, ...world }: HostileWorld,
  mayBeSlow: boolean,
  target = world.target(),
): Attack {
  const ofIndex: Channel[] = [trees, trees, brokenFiles, lines, lines, pinned, history];
  const overHttp: Channel[] = [
    answers(canary.url),
    answers(canary.url),
    staleUpstream,
    gitTalk,
    silence,
    bytes,
  ];
  const dumb = overHttp.filter((channel) => channel !== gitTalk && channel !== silence);
  const further = { smart: overHttp, dumb, file: [] }[shape.transport];
  for (;;) {
    const attack = oneOf(random, [...ofIndex, ...further])(random, target);
    if (mayBeSlow || !attack.isSlow) return attack;
  }
}

/** Returns how the hostile source was read. */
async function takeStep(
  world: HostileWorld,
  oracle: Oracle,
  attack: Attack | undefined,
): Promise<string | undefined> {
  const { host } = world;
  host.calm();
  attack?.apply(host);
  const news = await world.publish();
  return withRegistry(world, (opened) => syncAndCheck(world, oracle, opened, { attack, news }));
}

interface Opened {
  readonly registry: Registry;
  readonly logged: string[];
}

/** Opens the registry, and makes sure that nothing of it is left when it is closed. */
async function withRegistry<T>(world: HostileWorld, use: (opened: Opened) => Promise<T>): Promise<T> {
  const before = countResources();
  const logged: string[] = [];
  const log = createLog({
    level: 'debug',
    format: 'json',
    now: () => new Date(0),
    write: (line) => logged.push(line),
  });
  const registry = await openRegistry({
    directory: world.directory,
    env: world.env,
    actor: tester,
    log,
    connections: { http: { timeouts: { totalMs: 20_000 }, retry: { sleep: async () => {} } } },
  });
  let result: T;
  try {
    result = await use({ registry, logged });
  } finally {
    await inTime('close', registry.close());
  }
  expect(
    logged.filter((line) => line.includes('"stack"')),
    'bugs of ours',
  ).toEqual([]);
  await expectNothingLeft(world, before);
  return result;
}

async function expectNothingLeft(
  world: HostileWorld,
  before: ReturnType<typeof countResources>,
): Promise<void> {
  await vi.waitFor(
    () => {
      expect(world.host.openRequests(), 'requests that it still hears').toBe(0);
      const { descriptors, children } = countResources();
      expect(children, `processes: ${describeChildren()}`).toBeLessThanOrEqual(before.children);
      // Connections of the honest servers end in their own time.
      expect(descriptors, 'open files').toBeLessThanOrEqual(before.descriptors + 8);
    },
    { timeout: 20_000, interval: 50 },
  );
  const names = await readdir(world.directory, { recursive: true });
  expect(names.filter((name) => /\.tmp|tmp_|incomplete|data\/sources\/[^/]+\/git/.test(name))).toEqual([]);
}

function describeChildren(): string {
  const [, ...children] = familyOf(process.pid);
  return children.map((pid) => commandOf(pid)).join('; ');
}

async function syncAndCheck(
  world: HostileWorld,
  oracle: Oracle,
  { registry, logged }: Opened,
  { attack, news }: { readonly attack: Attack | undefined; readonly news: readonly News[] },
): Promise<string | undefined> {
  const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
  try {
    const report = await inTime('sync', registry.sync());
    const scratch = join(world.directory, '..', randomUUID());
    await inTime(
      'looking',
      oracle.check({ registry, url: server.url, report, news, attack, logged, scratch }),
    );
    return report.sources.find(({ source }) => source === 'evil')?.outcome;
  } finally {
    await server.close(0);
  }
}

/** A sync that is aborted at some moment: nothing goes on. */
async function interrupt(world: HostileWorld, attack: Attack, random: Random): Promise<void> {
  world.host.calm();
  attack.apply(world.host);
  const afterMs = random.below(400);
  await withRegistry(world, async ({ registry }) => {
    const aborting = new AbortController();
    const syncing = registry.sync({ signal: aborting.signal }).catch(() => undefined);
    const moment = new Promise((resolve) => setTimeout(resolve, afterMs));
    await Promise.race([syncing, moment]);
    aborting.abort();
    await inTime('abort', syncing);
  });
}

/** Without the hostile source everything is as if it had never been, but for names that it was given. */
async function cure(world: HostileWorld, oracle: Oracle): Promise<void> {
  world.host.calm();
  for (const state of ['disabled', 'removed'] as const) {
    await world.configure(state);
    await takeStep(world, oracle, undefined);
  }
  await withRegistry(world, async ({ registry }) => {
    const { health, findings, sources } = await registry.status();
    expect(health).toBe('ok');
    const taken = await oracle.namesOfEvil(registry);
    const ofOthers = findings.filter(({ module }) => !taken.has(module));
    expect(ofOthers, 'findings that stay').toEqual([]);
    if (taken.size === 0) expect(sources.map(({ name }) => name)).toEqual(['public', 'trusted']);
    for (const { module, version, checksum } of world.published) {
      if (taken.has(module)) continue;
      const listed = await registry.findArchive(module as never, version as never);
      expect(listed?.checksum, `${module}@${version}`).toBe(checksum);
    }
    const steps = await registry.verify({ deep: true });
    expect(steps.flatMap((step) => step.findings.filter(({ severity }) => severity === 'problem'))).toEqual(
      [],
    );
    expect(steps.map(({ outcome }) => outcome)).not.toContain('problems');
  });
}

async function inTime<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} takes longer than ${patienceMs} ms`)), patienceMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
