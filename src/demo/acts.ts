import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BuildIssuer } from './build-issuer.ts';
import { writeCheckout, writeWorkspace } from './company-modules.ts';
import type { DemoWorld } from './demo-world.ts';
import type { Performer, Running } from './performer.ts';
import type { DemoUpstream } from './upstream.ts';

/** A token as `token create` prints it. */
const tokenText = /mbr_[0-9A-Za-z]+/;
const longestWaitMs = 60_000;

/** The company's registry: its folder, and who may do what there. */
export interface Company {
  readonly directory: string;
  readonly url: string;
  /** May publish `company/*`. */
  readonly ada: string;
  /** May read everything. */
  readonly aggregator: string;
}

/** The company's own registry is made: it hosts `company/*`, and nobody reads or publishes without a token. */
export async function foundCompany<Code extends number>(
  { run }: Performer<Code>,
  {
    scratch,
    port,
    issuer,
  }: { readonly scratch: string; readonly port: number; readonly issuer: BuildIssuer },
): Promise<Company> {
  const directory = join(scratch, 'internal');
  const where = directory;
  const url = `http://localhost:${port}`;
  await run({
    words: ['init', './internal'],
    where: scratch,
    note: "The company's own registry: it hosts company/*, and nobody reads a byte without a token",
  });
  await run({ words: ['config', 'hosting.namespaces', 'company/*', 'access.read', 'token'], where });
  await appendFile(join(directory, 'registry.toml'), entryForBuilds(issuer.url, url));
  const adas = await run({
    words: ['token', 'create', 'ada-laptop', '--owner', 'ada', '--may', 'publish', '--for', 'company/*'],
    where,
    note: 'Ada may publish; the registry that aggregates may read',
  });
  const reads = await run({
    words: ['token', 'create', 'aggregator', '--owner', 'operators', '--may', 'read'],
    where,
  });
  return { directory, url, ada: tokenIn(adas), aggregator: tokenIn(reads) };
}

function entryForBuilds(issuer: string, audience: string): string {
  return [
    '',
    '[[access.oidc]]',
    'name = "builds"',
    `issuer = "${issuer}"`,
    `audience = "${audience}"`,
    'claims = { sub = "company/tool", ref = "refs/heads/main" }',
    'may = ["read", "publish"]',
    'for = ["company/tool"]',
    'read_for = ["*"]',
    '',
  ].join('\n');
}

/** Ada publishes what the company has, by one command. */
export async function publishWorkspace<Code extends number>(
  { run }: Performer<Code>,
  { url, ada }: Company,
  scratch: string,
): Promise<void> {
  const where = join(scratch, 'ada');
  await writeWorkspace(where);
  await run({
    words: ['publish', '--workspace', '--registry', url],
    where,
    token: ada,
    note: 'Ada publishes all modules of her workspace in one step: all or none',
  });
}

/** The recipe: what the company uses comes from one address. Returns a token that may read there. */
export async function aggregate<Code extends number>(
  { run }: Performer<Code>,
  { scratch, folder, world, company }: AggregateScene,
): Promise<string> {
  const where = join(scratch, folder);
  const secret = join(scratch, 'secrets', 'internal');
  await mkdir(join(scratch, 'secrets'), { mode: 0o700 });
  await writeFile(secret, company.aggregator, { mode: 0o600 });
  const address = ({ url, indexUrl }: Pick<DemoUpstream, 'url' | 'indexUrl'>) => [
    ...['--url', url],
    ...['--index-url', indexUrl],
  ];
  const internal = { url: company.url, indexUrl: `${company.url}/git/index` };
  await run({
    words: ['init', `./${folder}`],
    where: scratch,
    note: 'One registry for everything: the public one, the partner, the company',
  });
  await run({
    words: [
      'source',
      'add',
      'mooncakes',
      ...address(world.mooncakes),
      '--type',
      'mooncakes',
      '--priority',
      '100',
    ],
    where,
    note: 'Elsewhere the first is just "source add mooncakes --from-preset mooncakes"',
  });
  await run({ words: ['source', 'add', 'partner', ...address(world.partner), '--priority', '50'], where });
  await run({
    words: [
      ...[
        'source',
        'add',
        'internal',
        ...address(internal),
        '--type',
        'moonbit-registry',
        '--priority',
        '25',
      ],
      ...['--bearer-file', '../secrets/internal'],
    ],
    where,
  });
  await run({ words: ['source', 'list'], where });
  await run({
    words: ['mirror', 'moonbitlang/*'],
    where,
    note: 'Archives ahead of time, from the default source',
  });
  await run({ words: ['mirror', '-s', 'partner', 'partner-org/*'], where });
  await run({ words: ['mirror', '-s', 'internal', 'company/*'], where });
  await run({
    words: ['explain', 'company/tool@99.0.0'],
    where,
    note: 'Somebody has published company/tool@99.0.0 on the public registry. Who gets it?',
  });
  await run({ words: ['status'], where });
  await run({ words: ['config', 'access.read', 'token', 'server.refresh_interval', '2s'], where });
  const made = await run({
    words: ['token', 'create', 'bob-laptop', '--owner', 'bob', '--may', 'read'],
    where,
    note: 'Bob is a colleague of Ada: he reads, here',
  });
  return tokenIn(made);
}

interface AggregateScene {
  readonly scratch: string;
  /** Of the registry that is made, below `scratch`. */
  readonly folder: string;
  readonly world: DemoWorld;
  readonly company: Company;
}

/** A build publishes without a stored secret, and Bob finds what it published. */
export async function publishFromBuild<Code extends number>(
  { run, note }: Performer<Code>,
  { scratch, issuer, company, bob, registry, say }: BuildScene<Code>,
): Promise<void> {
  const where = join(scratch, 'build');
  await writeCheckout(where);
  note(
    'A build has no secret: whoever runs it says whose it is, and the registry gives it a token for a quarter of an hour',
  );
  const exchange = `${company.url}/api/v0/oidc/exchange`;
  say(`$ curl --data-urlencode token@identity.jwt ${exchange}`);
  const answer = await fetch(exchange, {
    method: 'POST',
    body: new URLSearchParams({ token: await issuer.identify(company.url) }),
  });
  const { token, name } = (await answer.json()) as { readonly token: string; readonly name: string };
  say(`${answer.status} ${answer.statusText}: a token for "${name}"`);
  await run({ words: ['publish', '--registry', company.url], where, token });

  note('Does Bob have it? And who shows no token?');
  const started = performance.now();
  const archive = `${registry.url}/user/company/tool/1.4.0.zip`;
  say(`$ curl --user token:$BOBS_TOKEN --remote-name ${archive}`);
  let found = await askFor(archive, bob);
  while (found.status === 404 && performance.now() - started < longestWaitMs) {
    await sleep(100);
    found = await askFor(archive, bob);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(`${found.status} ${found.statusText}: ${found.bytes} B, ${seconds} s after it was published`);
  say(`$ curl --remote-name ${archive}`);
  const refused = await askFor(archive, undefined);
  say(`${refused.status} ${refused.statusText}`);
}

interface BuildScene<Code extends number> {
  readonly scratch: string;
  readonly issuer: BuildIssuer;
  readonly company: Company;
  /** His token. */
  readonly bob: string;
  /** The one that he reads. */
  readonly registry: Running<Code>;
  say(text: string): void;
}

/** As curl asks for it. */
async function askFor(address: string, token: string | undefined) {
  const authorization = `Basic ${Buffer.from(`token:${token}`).toString('base64')}`;
  const answer = await fetch(address, {
    headers: token === undefined ? {} : { authorization },
    redirect: 'follow',
  });
  const { byteLength: bytes } = await answer.arrayBuffer();
  return { status: answer.status, statusText: answer.statusText, bytes };
}

function tokenIn(printed: string): string {
  return tokenText.exec(printed)?.[0] ?? '';
}
