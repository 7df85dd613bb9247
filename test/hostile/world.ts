/** A registry of three sources: two that publish and behave, and one that does neither. */
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { writeSettings } from '../support/registry-world.ts';
import type { Random } from '../worlds/random.ts';
import { startUpstreamRegistry, type UpstreamRegistry } from '../worlds/upstream-registry.ts';
import { oneOf, type Target } from './attack.ts';
import { type HostileHost, startHostileHost, type Transport } from './host.ts';

/** How the hostile source is configured. */
export interface Shape {
  readonly trust: 'least' | 'middle' | 'most';
  /** Whether it claims its own names; it then holds back no others. */
  readonly claims: boolean;
  readonly transport: Transport;
  readonly hasToken: boolean;
  /** Whether it was read before it began. */
  readonly wasGood: boolean;
}

type Honest = 'trusted' | 'public';

/** What an honest source has published just now. */
export interface News {
  readonly source: Honest;
  readonly module: string;
  readonly version: string;
  readonly checksum: string;
  readonly isNewName: boolean;
}

export interface HostileWorld {
  readonly shape: Shape;
  readonly directory: string;
  readonly host: HostileHost;
  readonly token: string;
  readonly env: Readonly<Record<string, string>>;
  /** Somewhere inside where nobody has any business. */
  readonly canary: { readonly url: string; readonly requests: readonly string[] };
  /** Whom it can aim at in the next step. */
  target(): Target;
  /** Publishes in both honest sources: a version of a known module, and a new name. */
  publish(): Promise<readonly News[]>;
  /** All that was ever published. */
  readonly published: readonly News[];
  /** Whether names of an honest source wait for the hostile one. */
  isTrustedMoreThan(source: Honest): boolean;
  configure(state: 'enabled' | 'disabled' | 'removed'): Promise<void>;
  close(): Promise<void>;
}

const priorities = { trusted: 10, public: 100 };
const evilPriorities = { least: 200, middle: 50, most: 1 };

export function chooseShape(random: Random): Shape {
  const trust = oneOf(random, ['least', 'least', 'middle', 'most'] as const);
  const transport = oneOf(random, ['smart', 'smart', 'smart', 'dumb', 'file'] as const);
  return {
    trust,
    claims: random.chance(0.4),
    transport,
    hasToken: transport !== 'file' && random.chance(0.6),
    wasGood: random.chance(0.85),
  };
}

export async function createHostileWorld(root: string, shape: Shape, random: Random): Promise<HostileWorld> {
  const place = join(root, randomUUID());
  const directory = join(place, 'registry');
  await mkdir(directory, { recursive: true });
  const start = (name: string) => startUpstreamRegistry({ directory: join(place, name) });
  const sources: Record<Honest, UpstreamRegistry> = {
    trusted: await start('trusted'),
    public: await start('public'),
  };
  const host = await startHostileHost(join(place, 'evil'), shape.transport);
  const canary = await startCanary();
  const token = `Tok3n${random.hex(20)}+/Zebra`;
  const published: News[] = [];
  let round = 0;

  async function publishIn(
    source: Honest,
    module: string,
    version: string,
    isNewName: boolean,
  ): Promise<News> {
    const { checksum } = await sources[source].publish(`${module}@${version}`);
    const news = { source, module, version, checksum, isNewName };
    published.push(news);
    return news;
  }

  const freshName = (source: Honest) => `${source}-team/fresh${round}`;
  const world: HostileWorld = {
    shape,
    directory,
    host,
    token,
    env: { EVIL_TOKEN: token },
    canary,
    published,
    target: () => ({
      known: published.map(({ module }) => module),
      fresh: [freshName('trusted'), freshName('public')],
    }),
    async publish() {
      const news: News[] = [];
      for (const source of ['trusted', 'public'] as const) {
        news.push(await publishIn(source, `${source}-team/json`, `1.0.${round}`, round === 0));
        news.push(await publishIn(source, freshName(source), '0.1.0', true));
      }
      round++;
      return news;
    },
    isTrustedMoreThan: (source) => evilPriorities[shape.trust] < priorities[source],
    configure: (state) => writeSettings(directory, { sources: settingsOf(world, sources, state) }),
    async close() {
      await Promise.all([sources.trusted.close(), sources.public.close(), host.close(), canary.close()]);
      await rm(place, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
  await world.configure('enabled');
  return world;
}

function settingsOf(
  { shape, host }: HostileWorld,
  honest: Readonly<Record<Honest, UpstreamRegistry>>,
  state: 'enabled' | 'disabled' | 'removed',
) {
  const limits = 'fetch_time = "10s", fetch_bytes = "64MiB", archive = "8MiB", asset = "8MiB"';
  const evil = {
    name: 'evil',
    upstream: host,
    priority: evilPriorities[shape.trust],
    enabled: state === 'enabled',
    namespaces: shape.claims ? ['evil/*'] : [],
    lines: `limits = { ${limits} }`,
    ...(shape.hasToken ? { auth: `type = "bearer"\ntoken = "\${EVIL_TOKEN}"` } : {}),
  };
  return [
    { name: 'public', upstream: honest.public, priority: priorities.public },
    ...(state === 'removed' ? [] : [evil]),
    { name: 'trusted', upstream: honest.trusted, priority: priorities.trusted },
  ];
}

/** A service of ours that a source must not be able to have asked: on all addresses of loopback. */
async function startCanary() {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.end('what nobody outside should know');
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
