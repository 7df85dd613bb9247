/** What holds after every sync, whatever the hostile source did. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type IndexFile, parseIndexFile } from '../../src/index/index-file.ts';
import type { Registry } from '../../src/registry/registry.ts';
import type { SyncReport } from '../../src/registry/sync/sync-report.ts';
import { git, shallowClone } from '../support/git-client.ts';
import { download, moduleName } from '../support/registry-world.ts';
import type { Attack } from './attack.ts';
import { upstreamText } from './attacks/answers.ts';
import { findSecret, findUnsafe } from './secrets.ts';
import type { HostileWorld, News } from './world.ts';

export interface Oracle {
  /** Looks at the registry and its server after a sync in which the honest sources had `news`. */
  check(step: Step): Promise<void>;
  /** A sync has begun that nobody looks at: what the hostile source owns may have gone in it. */
  lookAway(): void;
  /**
   * Modules that are recorded as the hostile source's, or gave way to one of it that looks like them, of those that were ever
   * served or published elsewhere.
   */
  namesOfEvil(registry: Registry): Promise<ReadonlySet<string>>;
}

interface Step {
  readonly registry: Registry;
  readonly url: string;
  readonly report: SyncReport;
  readonly news: readonly News[];
  /** What the hostile source did; `undefined` where it is out of the game. */
  readonly attack: Attack | undefined;
  /** All that was logged. */
  readonly logged: readonly string[];
  /** An empty place. */
  readonly scratch: string;
}

/** The pins of a version, as clients see them. */
interface Pin {
  readonly checksum: string;
  readonly requirements: string;
}

export function createOracle(world: HostileWorld): Oracle {
  const pins = new Map<string, Pin>();
  const origins = new Map<string, string>();
  let before: ReadonlyMap<string, IndexFile> = new Map();
  let hasLookedAway = false;

  /** Of names that look the same, those of the source that is trusted most stay (rule 1). */
  function mayGiveWay(module: string, origin: string | undefined): boolean {
    if (origin !== 'trusted' && origin !== 'public') return false;
    return world.isTrustedMoreThan(origin) && world.host.hasListedLike(module);
  }

  async function checkServed(step: Step): Promise<void> {
    const served = await cloneIndex(step.url, step.scratch);
    for (const [module, { lines, malformed }] of served) {
      expect(malformed, `${module} has lines that clients cannot read`).toEqual([]);
      const origin = await step.registry.originOf(moduleName(module));
      expect(origin, `${module} has an origin`).toBeDefined();
      expect(origins.get(module) ?? origin, `${module} changed hands`).toBe(origin);
      origins.set(module, origin ?? '');
      for (const { entry } of lines) {
        const id = `${module}@${entry.version}`;
        const pin = { checksum: entry.checksum, requirements: entry.requirements };
        expect(pins.get(id) ?? pin, `${id} changed`).toEqual(pin);
        pins.set(id, pin);
      }
    }
    const outcome = step.report.sources.find(({ source }) => source === 'evil')?.outcome;
    for (const [module, { lines }] of before) {
      const isEvil = origins.get(module) === 'evil';
      const isRead = outcome !== 'stale' && outcome !== 'held';
      const mayGo = isEvil && (hasLookedAway || (isRead && !step.attack?.breaks?.includes(module)));
      const left = lines.filter(
        ({ entry }) => !served.get(module)?.lines.some((line) => line.entry.version === entry.version),
      );
      if (!mayGo && !mayGiveWay(module, origins.get(module)))
        expect(
          left.map(({ entry }) => entry.version),
          `${module} lost versions (${outcome})`,
        ).toEqual([]);
    }
    before = served;
    hasLookedAway = false;
    for (const news of step.news) await checkNews(step, news, served);
  }

  async function checkNews(
    { registry, report, attack }: Step,
    news: News,
    served: ReadonlyMap<string, IndexFile>,
  ): Promise<void> {
    const line = served.get(news.module)?.lines.find(({ entry }) => entry.version === news.version);
    const isTheirs = line?.entry.checksum === news.checksum;
    const evil = report.sources.find(({ source }) => source === 'evil');
    const isCurrent =
      (evil?.outcome === 'fresh' || evil?.outcome === 'unchanged') && evil.isStaleUpstream !== true;
    if (mayGiveWay(news.module, news.source)) return;
    const mayBeEvils = world.host.hasListed(news.module);
    const waits = attack !== undefined && news.isNewName && world.isTrustedMoreThan(news.source);
    const what = `${news.module}@${news.version} of ${news.source}`;
    if (!waits || (!mayBeEvils && (isCurrent || world.shape.claims))) {
      const found = report.findings.filter(({ module }) => module === news.module);
      expect(isTheirs, `${what} arrived: ${JSON.stringify(found)}`).toBe(true);
      expect(await download(registry, `${news.module}@${news.version}`), what).toBe(news.checksum);
    } else if (!isCurrent && !world.shape.claims)
      expect(served.has(news.module), `${what} was given away`).toBe(false);
  }

  return {
    lookAway() {
      hasLookedAway = true;
    },
    async namesOfEvil(registry) {
      const names = [...origins.keys(), ...world.published.map(({ module }) => module)];
      const recorded = await Promise.all(names.map((name) => registry.originOf(moduleName(name))));
      return new Set(names.filter((name, at) => recorded[at] === 'evil' || mayGiveWay(name, recorded[at])));
    },
    async check(step) {
      const { report } = step;
      const honest = report.sources.filter(({ source }) => source !== 'evil');
      for (const { outcome, source } of honest)
        expect(['fresh', 'unchanged'], `${source} is read`).toContain(outcome);
      expect(report.findings.filter(({ kind }) => kind === 'unplanned')).toEqual([]);
      await checkServed(step);
      await checkHealth(world, step);
      await checkOwn(step);
      expect(world.canary.requests, 'asked inside').toEqual([]);
      await checkTexts(world, step);
    },
  };
}

/** By module; what stock git checks out. */
async function cloneIndex(url: string, scratch: string): Promise<Map<string, IndexFile>> {
  await shallowClone(`${url}/git/index`, scratch);
  const entries = (await git(['ls-tree', '-r', '-z', 'HEAD'], { cwd: scratch })).split('\0').filter(Boolean);
  expect(entries.filter((entry) => !/^100644 blob \S+\tuser\/.+\.index$/s.test(entry))).toEqual([]);
  const served = new Map<string, IndexFile>();
  const user = join(scratch, 'user');
  const files = await readdir(user, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const file of files.filter((entry) => entry.isFile())) {
    const path = join(file.parentPath, file.name);
    served.set(path.slice(user.length + 1, -'.index'.length), parseIndexFile(await readFile(path)));
  }
  return served;
}

async function checkHealth(world: HostileWorld, { url, report, attack }: Step): Promise<void> {
  const answer = await fetch(`${url}/health`);
  const text = await answer.text();
  expect(answer.status).toBe(200);
  const evil = report.sources.find(({ source }) => source === 'evil');
  const isOut = evil !== undefined && ['stale', 'never-read', 'held'].includes(evil.outcome);
  const health = JSON.parse(text) as { status: string; sources: { source: string }[] };
  expect(health.status).toBe(isOut ? 'degraded' : 'ok');
  expect(health.sources.map(({ source }) => source)).toEqual(isOut ? ['evil'] : []);
  for (const secret of [upstreamText, new URL(world.host.url).host, world.directory])
    expect(text, attack?.name).not.toContain(secret);
}

/** What the hostile source owns is right, or is not to be had. */
async function checkOwn({ registry, url }: Step): Promise<void> {
  const found = await download(registry, 'evil/tool@1.1.0').catch(() => 'broken');
  const listed = await registry.findArchive(moduleName('evil/tool'), '1.1.0' as never);
  if (/^[0-9a-f]{64}$/.test(found)) expect(found).toBe(listed?.checksum);
  const symbols = await fetch(`${url}/symbols.zip`);
  expect(Buffer.from(await symbols.arrayBuffer()).toString('latin1', 0, 2)).toBe('PK');
}

const questions = [
  '/health',
  '/api/v0/search?kw=evil',
  '/api/v0/explain/evil/tool@1.1.0',
  '/user/evil/tool/1.1.0.zip',
  '/user/evil/kit/0.1.0.zip?explain=1',
  '/user/public-team/unknown/1.0.0.zip',
  '/assets/evil/tool@1.1.0/main/main.wasm',
  '/assets/evil/tool@1.1.0/main/main.wasm.sha256',
];

/** No secret anywhere, and nothing raw in what clients get. */
async function checkTexts(world: HostileWorld, { registry, url, report, logged }: Step): Promise<void> {
  const texts: Record<string, string> = {
    report: JSON.stringify(report),
    status: JSON.stringify(await registry.status()),
    log: logged.join('\n'),
  };
  for (const question of questions) {
    const answer = await fetch(url + question);
    const text = await answer.text();
    expect([200, 404, 410, 502, 503], `${question}: ${text}`).toContain(answer.status);
    const isText = !/zip|wasm/.test(answer.headers.get('content-type') ?? '');
    if (isText) expect(findUnsafe(text), question).toBeUndefined();
    if (!isText && answer.status === 200) continue;
    texts[question] = `${JSON.stringify([...answer.headers])} ${text}`;
    // Why a download fails is told by its class; `explain` is the operator's.
    if (answer.status !== 200) expect(text, question).not.toContain(upstreamText);
  }
  const data = join(world.directory, 'data');
  for (const name of await readdir(data))
    if (/\.jsonl?$/.test(name)) texts[name] = await readFile(join(data, name), 'utf8');
  for (const [where, text] of Object.entries(texts))
    expect(findSecret(text, world.token), `the token in ${where}`).toBeUndefined();
}
