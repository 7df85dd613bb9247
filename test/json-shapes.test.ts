/** What every command prints with `--json` is what docs/json.md says: one description for both. */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { recordIo } from '../src/cli/io.fixture.ts';
import { createProgram, fullName, withDescendants } from '../src/cli/program.ts';
import { runCli } from '../src/cli/run.ts';
import { openRegistry } from '../src/registry/open.ts';
import { startServer } from '../src/server/listen.ts';
import { tester } from './support/actor.ts';
import { startIssuer, testAudience } from './support/issuer.ts';
import { jsonShapes, renderJsonShapes } from './support/json-shapes.ts';
import { archiveOf, createToken, publishTo } from './support/publisher.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import { startUpstream } from './support/worlds.ts';

type Shape = keyof typeof jsonShapes;

/** Starts three registries of its own and serves until it is stopped: test/e2e/demo.test.ts runs it. */
const notRunHere: readonly Shape[] = ['demo'];

test('docs/json.md has the tables of the description (node scripts/json.mjs)', async () => {
  const document = await readFile(join(import.meta.dirname, '..', 'docs', 'json.md'), 'utf8');
  expect(document).toContain(`<!-- shapes -->\n${renderJsonShapes()}\n<!-- /shapes -->`);
});

test('every command has a shape', () => {
  const program = createProgram({ run: async () => {}, writeHelp: () => {}, columns: undefined });
  const commands = withDescendants(program)
    .filter((command) => command.commands.length === 0)
    .map((command) => fullName(command).split(' ').slice(1).join(' '));
  expect(commands.length).toBeGreaterThan(20);
  expect(commands.filter((command) => !(command in jsonShapes))).toEqual([]);
});

/** A folder above a registry, in which commands are run and their documents compared with their shapes. */
function createShapeCheck(surroundings: string) {
  const checked = new Set<Shape>(notRunHere);
  const env = { PATH: `${surroundings}:${process.env.PATH}`, MOON_HOME: join(surroundings, 'moon-home') };
  const registry = join(surroundings, 'registry');
  /** `isOver`: an interrupt is sent when something was printed, to what would go on for ever. */
  async function check(shape: Shape, words: readonly string[], isOver = false): Promise<unknown> {
    const io = recordIo({ env, workingDirectory: registry });
    const stdout = {
      ...io.stdout,
      write(text: string) {
        io.written.stdout += text;
        if (isOver) setImmediate(() => io.interrupt());
      },
    };
    await runCli([...words, '--json'], { ...io, stdout });
    const document: unknown = JSON.parse(io.written.stdout);
    const { success, issues = [] } = v.safeParse(jsonShapes[shape], document);
    const problems = issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`);
    expect([words, success, problems, success ? '' : document]).toEqual([words, true, [], '']);
    checked.add(shape);
    return document;
  }
  return { registry, check, checked };
}

/** With an issuer of the test's own; the settings are afterwards what they were. */
/** In the registry that commands run in. */
async function publishHere(directory: string): Promise<void> {
  const file = join(directory, 'registry.toml');
  await writeFile(file, `${await readFile(file, 'utf8')}\n[hosting]\nnamespaces = ["company/*"]\n`);
  const registry = await openRegistry({ directory, env: {}, actor: tester });
  try {
    const token = await createToken(registry, 'publisher');
    const server = await startServer(registry, { host: '127.0.0.1', port: 0 });
    const { status } = await publishTo(server.url, token, archiveOf('company/tool@1.0.0'));
    expect(status).toBe(200);
    await server.close(0);
  } finally {
    await registry.close();
  }
}

async function checkIdentities(
  registry: string,
  check: ReturnType<typeof createShapeCheck>['check'],
): Promise<void> {
  const file = join(registry, 'registry.toml');
  const before = await readFile(file, 'utf8');
  const issuer = await startIssuer();
  const now = Math.floor(recordIo().now() / 1000);
  const entry = `[[access.oidc]]\nname = "ci"\nissuer = "${issuer.url}"\naudience = "${testAudience}"\nclaims = { sub = "job" }\nmay = ["read"]\n`;
  await writeFile(file, `${before}\n${entry}`);
  for (const [name, token] of Object.entries({
    good: await issuer.token({ iat: now, nbf: now, exp: now + 300 }),
    other: await issuer.token({ sub: 'x', exp: 1, iat: 0, nbf: 0 }),
    none: 'rubbish',
  })) {
    await writeFile(join(registry, name), `${token}\n`);
    const report = await check('oidc check', ['oidc', 'check', name]);
    expect(report).toMatchObject({ ok: name === 'good' });
    expect(JSON.stringify(report)).not.toContain(token);
  }
  await check('token revoke --issuer', ['token', 'revoke', '--issuer', 'ci']);
  // Registry and issuer at once.
  issuer.letDevicesIn([[200, { claims: {} }]]);
  issuer.documents.set('/api/v0/oidc/login', {
    logins: [{ name: 'people', issuer: issuer.url, clientId: testAudience }],
  });
  const expiresAt = '2027-01-01T00:00:00.000Z';
  const given = { token: 'mbr_x', name: 'people:job#1', expiresAt, mooncakesRegistry: issuer.url };
  issuer.documents.set('/api/v0/oidc/exchange', given);
  await check('login', ['login', issuer.url]);
  await writeFile(file, before);
}

/** Where something may be published: of one that is approved, with a version before it, and of one that is rejected. */
async function checkStaged(
  directory: string,
  check: ReturnType<typeof createShapeCheck>['check'],
): Promise<void> {
  const registry = await openRegistry({ directory, env: {}, actor: tester });
  for (const [id, isStaged] of [
    ['company/core@1.0.0', false],
    ['company/core@1.1.0', true],
    ['company/core@2.0.0', true],
  ] as const) {
    const upload = await registry.publishing.receive(Readable.from([archiveOf(id)]));
    const by = { token: 'ci', owner: 'ada' };
    const request = { by, judge: () => undefined, isDryRun: false, isStaged };
    expect((await registry.publishing.publish(upload ? [upload] : [], request)).kind).toMatch(/ed$/);
    await upload?.remove();
  }
  await registry.close();
  const facts = await check('staged show', [...['staged', 'show', 'company/core@1.1.0', '--save', 'saved']]);
  await check('status', ['status']);
  await check('staged approve', ['staged', 'approve', (facts as { id: string }).id]);
  await check('staged reject', ['staged', 'reject', 'company/core@2.0.0', '--reason', 'no']);
  await check('staged list', ['staged', 'list', '--all']);
  await check('explain', ['explain', 'company/core@1.1.0']);
}

test('what commands print has the shapes that are documented, and nothing beside them', async () => {
  const surroundings = temporaryDirectory();
  await writeFile(join(surroundings, 'moon'), '#!/bin/sh\nexit 0\n');
  await chmod(join(surroundings, 'moon'), 0o755);
  await mkdir(join(surroundings, 'registry'));
  const main = await startUpstream(['alice/json@1.0.0', 'moonbitlang/x@0.4.0', 'moonbitlang/x@0.4.1']);
  const partner = await startUpstream(['alice/json@1.0.0', 'partner/own@1.0.0']);
  await main.publish('alice/app@1.0.0', { deps: { 'nobody/has': '1.0.0', 'moonbitlang/x': '0.4.0' } });
  const { registry, check, checked } = createShapeCheck(surroundings);
  const addressOf = ({ url, indexUrl }: typeof main) => ['--url', url, '--index-url', indexUrl];

  await check('init', ['init']);
  await check('source add', ['source', 'add', 'main', ...addressOf(main), '--priority', '100']);
  await check('sync', ['sync']);
  await check('source add', ['source', 'add', 'partner', ...addressOf(partner), '--namespace', 'partner/*']);
  await check('source list', ['source', 'list']);
  await check('source check', ['source', 'check']);
  await check('sync', ['sync', '--dry-run']);
  await check('mirror', ['mirror', 'alice/*', '--dry-run']);
  await check('mirror', ['mirror', 'alice/app', 'moonbitlang/*']);
  await check('conflicts list', ['conflicts', 'list']);

  // A source that cannot be read holds new names back, and bytes of a served version become others.
  partner.faults.status = 403;
  await main.publish('moonbitlang/x@0.4.1', { archive: Buffer.from('PK\u0003\u0004 other bytes') });
  await main.publish('partner/new@1.0.0');
  await check('sync', ['sync']);
  await check('status', ['status']);
  const conflicts = await check('conflicts list', ['conflicts', 'list']);
  const offered = (conflicts as { offered?: string }[]).flatMap((conflict) => conflict.offered ?? []);
  await check('conflicts keep', ['conflicts', 'keep', 'moonbitlang/x@0.4.1']);
  await check('conflicts accept', ['conflicts', 'accept', 'moonbitlang/x@0.4.1', '--checksum', ...offered]);
  await check('source check', ['source', 'check', 'partner']);

  await check('plan', ['plan']);
  await check('list', ['list']);
  const project = join(surroundings, 'moon.mod.json');
  await writeFile(project, '{"deps": {"moonbitlang/x": "0.4.0", "nobody/has": "1.0.0"}}');
  await check('list --outdated', ['list', '--outdated', project]);
  for (const name of [
    'moonbitlang/x',
    'moonbitlang/x@0.4.1',
    'moonbitlang/xx',
    'alice/json@9.0.0',
    'partner/new',
  ])
    await check('explain', ['explain', name]);
  const [newest] = (await check('state log', ['state', 'log', '--limit', '2'])) as { state: string }[];
  await check('state at', ['state', 'at']);
  await check('state at', ['state', 'at', newest?.state.slice(0, 9) ?? '']);
  for (const name of ['moonbitlang/x', 'moonbitlang/x@0.4.1'])
    await check('explain --at', ['explain', name, '--at', newest?.state ?? '']);
  await check('block', ['block', 'moonbitlang/x@0.4.0', '--reason', 'broken']);
  await check('block --list', ['block', '--list']);
  await check('token create', ['token', 'create', 'ci', '--owner', 'ada', '--may', 'read']);
  await check('token rotate', ['token', 'rotate', 'ci']);
  await check('token list', ['token', 'list']);
  await check('token revoke', ['token', 'revoke', 'ci']);
  await checkIdentities(registry, check);
  await check('status', ['status']);
  await check('unblock', ['unblock', 'moonbitlang/x@0.4.0']);
  await check('verify', ['verify', '--deep']);
  await check('doctor', ['doctor']);
  await check('config', ['config']);
  await check('config KEY', ['config', 'mirror.packages']);
  await check('config KEY VALUE', ['config', 'server.port', '9000']);
  await check('config … --dry-run', ['config', 'server.upstream_fallback', 'false', '--dry-run']);
  await check('config --unset', ['config', '--unset', 'server.base_url', 'server.port']);
  await check('path', ['path', 'moonbitlang/x@0.4.0']);
  const tool = join(surroundings, 'tool');
  await mkdir(tool);
  await writeFile(
    join(tool, 'moon.mod.json'),
    '{"name": "company/tool", "version": "1.0.0", "license": "Ours"}',
  );
  const mooncakes = ['--registry', 'https://mooncakes.io', '--dry-run'];
  await check('publish', ['publish', tool, ...mooncakes]);
  await writeFile(join(tool, 'moon.mod.json'), '{"name": "company/tool", "version": "1"}');
  await check('publish', ['publish', tool, ...mooncakes]);
  await publishHere(registry);
  await check('hosting adopt', ['hosting', 'adopt', 'moonbitlang/*', '--dry-run']);
  await check('yank', ['yank', 'company/tool@1.0.0', '--reason', 'use 1.1.0']);
  await check('explain', ['explain', 'company/tool@1.0.0']);
  await check('unyank', ['unyank', 'company/tool']);
  await check('withdraw', ['withdraw', 'company/tool@1.0.0', '--reason', 'a secret']);
  await checkStaged(registry, check);
  await check('update', ['update']);
  await check('completion', ['completion', 'bash']);
  await check('serve', ['serve', '--port', '0'], true);
  await check('backup', ['backup', join(surroundings, 'backup.tar')]);
  await check('restore', ['restore', join(surroundings, 'backup.tar'), join(surroundings, 'restored')]);

  await check('source login', ['source', 'login', 'partner', '--bearer-env', 'PARTNER_TOKEN']);
  await check('source list', ['source', 'list']);
  await check('source logout', ['source', 'logout', 'partner']);
  await check('source default', ['source', 'default', 'partner']);
  await check('source rename', ['source', 'rename', 'partner', 'acme']);
  await check('source … --dry-run', ['source', 'disable', 'main', '--dry-run']);
  await check('source disable', ['source', 'disable', 'main', '--yes']);
  await check('source enable', ['source', 'enable', 'main']);
  await check('source remove', ['source', 'remove', 'acme', '--yes']);
  await writeFile(join(registry, 'registry.toml'), '[server]\nport = "x"\n');
  await check('any command that fails', ['status']);
  const fresh = createShapeCheck(temporaryDirectory());
  await mkdir(fresh.registry);
  await fresh.check('init', ['init']);
  await fresh.check('state downgrade', ['state', 'downgrade']);
  await fresh.check('source add --dry-run', [
    'source',
    'add',
    'x',
    '--from-preset',
    'mooncakes',
    '--dry-run',
  ]);

  const all = new Set([...checked, ...fresh.checked]);
  expect(Object.keys(jsonShapes).filter((shape) => !all.has(shape as Shape))).toEqual([]);
});
