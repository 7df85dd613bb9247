/**
 * Whatever sources, settings and users say, no command puts a character on a terminal that steers it or hides in it, and no
 * answer of the server has one. Every command is run in a world in which all of them say such things.
 */
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { httpAnswer, packet, startSpeaker, unsafeText } from '../support/hostile-speaker.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startUpstream } from '../support/worlds.ts';
import type { UpstreamRegistry } from '../worlds/upstream-registry.ts';
import { type CliRegistry, cliRegistryIn } from './cli-registry.ts';

/** What no output may hold, written down anew on purpose: as the issue names it, and not as the product does. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u00ad\u115f\u1160\u3164\uffa0]/gu;
const hiddenTag = '\u{e0041}';

function unsafeIn(text: string): string[] {
  const found = [...text.replaceAll('\n', '').matchAll(unsafe)];
  return found.map(
    ({ 0: character, index }) => `${inAscii(character)} in ${inAscii(text.slice(index - 60, index + 20))}`,
  );
}

function inAscii(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[^\u0020-\u007e]/g,
    (unit) => `<${unit.charCodeAt(0).toString(16)}>`,
  );
}

interface World {
  /** Run within the test. */
  readonly registry: CliRegistry;
  /** The built program, in the same folder. */
  readonly program: CliRegistry;
  readonly upstream: UpstreamRegistry;
  /** A served module whose name holds a tag, which module names may. */
  readonly module: string;
}

async function createWorld(): Promise<World> {
  const upstream = await startUpstream(['alice/json@1.0.0', 'alice/kept@1.0.0']);
  const module = `alice/tag${hiddenTag}`;
  await upstream.publish(`${module}@1.0.0`, { line: { description: unsafeText, keywords: [unsafeText] } });
  await upstream.writeIndexFile(`user/alice/${unsafeText.replaceAll('/', '')}.index`, '{}\n');
  const lines = [
    { version: unsafeText, checksum: 'a'.repeat(64) },
    { version: '1.0.0', checksum: unsafeText },
    unsafeText,
  ];
  const text = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
  await upstream.writeIndexFile('user/alice/broken.index', text);
  const advertised = `${packet('# service=git-upload-pack\n')}0000${packet(`${'1'.repeat(40)} HEAD\0 side-band-64k symref=HEAD:refs/heads/main agent=${unsafeText}\n`)}${packet(`${'1'.repeat(40)} refs/heads/main\n`)}0000`;
  const advertisement = ['Content-Type: application/x-git-upload-pack-advertisement'];
  const speakers = {
    // What git prints on stderr: an error of the far side.
    remote: (target: string) =>
      target.includes('info/refs')
        ? httpAnswer('200 OK', advertisement, advertised)
        : httpAnswer(
            '200 OK',
            ['Content-Type: application/x-git-upload-pack-result'],
            packet(`ERR ${unsafeText}`),
          ),
    refusal: () => httpAnswer('200 OK', advertisement, packet(`ERR ${unsafeText}`)),
    encoding: () => httpAnswer('200 OK', [`Content-Encoding: ${unsafeText.replaceAll(/[\r\n]/g, '')}`], 'x'),
    location: () => httpAnswer('302 Found', [`Location: http://127.0.0.1:1/${unsafeText}`]),
    scheme: () => httpAnswer('302 Found', [`Location: ${unsafeText}://x/`]),
    reason: () =>
      httpAnswer(`500 ${unsafeText}`, [`WWW-Authenticate: Basic realm="${unsafeText}"`], unsafeText),
    challenge: () => httpAnswer('401 No', [`WWW-Authenticate: Basic realm="${unsafeText}"`], unsafeText),
  };
  const surroundings = temporaryDirectory();
  const registry = cliRegistryIn(surroundings, 'registry', 'here');
  await mkdir(registry.directory);
  const table = (name: string, url: string, index: string) =>
    `[[sources]]\nname = "${name}"\ntype = "custom"\nurl = "${url}"\nindex_url = "${index}"\n`;
  const tables = [table('main', upstream.url, upstream.indexUrl)];
  for (const [name, speak] of Object.entries(speakers)) {
    const url = await startSpeaker(speak);
    tables.push(table(name, url, `${url}/git/index`));
  }
  const visibleLabel = unsafeText.replaceAll(/\p{Cc}/gu, '');
  await writeFile(
    join(registry.directory, 'registry.toml'),
    [
      `[registry]\nname = ${JSON.stringify(visibleLabel)}\n[mirror]\npackages = ["alice/*"]\n`,
      ...tables,
    ].join('\n'),
  );
  return { registry, program: cliRegistryIn(surroundings, 'registry'), upstream, module };
}

test('no command says anything that a terminal would obey or hide', { timeout: 300_000 }, async () => {
  const { registry, program, upstream, module } = await createWorld();
  const said: Record<string, string> = {};
  const run = async (...words: string[]) => {
    const { stdout, stderr, code } = await registry.run(...words);
    said[words.join(' ')] = `${stdout}\n${stderr}`;
    expect(code, stderr).not.toBe(70);
    if (words.includes('--json')) JSON.parse(stdout);
  };
  await run('sync');
  await run('mirror', module);
  // Conflicts about what has been served, in a name of which the tag is a part.
  await upstream.publish(`${module}@1.0.0`, { line: { description: 'other bytes' } });
  const commands: readonly (readonly string[])[] = [
    ['sync', '-v'],
    ['sync', '--dry-run'],
    ['mirror', '--full'],
    ['mirror', unsafeText],
    ['status'],
    ['list'],
    ['list', '--cached'],
    ['explain', module],
    ['explain', `${module}@1.0.0`],
    ['explain', 'alice/broken'],
    ['explain', unsafeText],
    ['block', `${module}@1.0.0`, '--reason', 'broken'],
    ['block', unsafeText, '--reason', unsafeText],
    ['block', '--list'],
    ['unblock', `${module}@1.0.0`],
    ['yank', `${module}@1.0.0`, '--reason', unsafeText],
    ['yank', module, '--reason', 'old'],
    ['unyank', unsafeText],
    ['hosting', 'adopt', unsafeText],
    ['hosting', 'adopt', `${module.slice(0, 5)}/*`, '--dry-run'],
    ['withdraw', `${module}@1.0.0`, '--reason', 'old'],
    ['backup', unsafeText.replaceAll(/[\0/]/g, '')],
    ['restore', unsafeText.replaceAll(/[\0/]/g, ''), '.'],
    ['verify'],
    ['conflicts'],
    ['conflicts', 'keep', module],
    ['conflicts', 'accept', `${module}@1.0.0`, '--checksum', unsafeText],
    ['doctor'],
    ['config'],
    ['config', 'registry.name'],
    ['config', unsafeText],
    ['config', 'mirror.packages', unsafeText],
    ['staged', 'list', '--all'],
    ['staged', 'show', unsafeText],
    ['staged', 'approve', unsafeText, '--checksum', unsafeText],
    ['staged', 'reject', `${module}@1.0.0`, '--reason', unsafeText],
    ['staged', 'list', '--registry', unsafeText, '--token-env', unsafeText],
    ['token', 'create', unsafeText, '--owner', unsafeText, '--may', unsafeText],
    ['token', 'create', unsafeText, '--owner', 'ada', '--may', 'read', '--cidr', unsafeText],
    ['token', 'list', '--owner', unsafeText],
    ['token', 'revoke', unsafeText],
    ['token', 'rotate', unsafeText],
    ['oidc', 'check', unsafeText.replaceAll('\0', '')],
    ['login', unsafeText.replaceAll('\0', '')],
    ['publish', unsafeText.replaceAll('\0', '')],
    ['publish', '.', '--registry', unsafeText],
    ['publish', '.', '--registry', 'http://127.0.0.1:1', '--token-env', unsafeText],
    ['path', `${module}@1.0.0`],
    ['path', unsafeText],
    ['plan'],
    ['plan', '--config', unsafeText],
    ['state', unsafeText],
    ['state', 'log'],
    ['state', 'at', unsafeText],
    ['explain', module, '--at', unsafeText],
    ['source', 'rename', unsafeText, unsafeText],
    ['source', 'list'],
    ['source', 'check'],
    ['source', 'enable', unsafeText],
    ['source', 'disable', unsafeText],
    ['source', 'default', unsafeText],
    ['source', 'remove', unsafeText],
    ['source', 'add', unsafeText, '--url', `http://127.0.0.1/${unsafeText}`],
    ['update', '--registry', unsafeText],
    ['init', unsafeText.replaceAll(/[\0/]/g, '')],
    ['serve', '--port', unsafeText],
    ['demo', '--port', unsafeText],
    ['completion', unsafeText],
    [unsafeText],
    ['sync', `--${unsafeText}`],
    ['source', unsafeText],
    ['--log-format', unsafeText, 'status'],
    ['status', '--dir', unsafeText.replaceAll('\0', '')],
    ['help', unsafeText],
  ];
  for (const words of commands) {
    await run(...words);
    await run('--log-format', 'json', ...words, '--json');
  }
  // What is run within the test above is what the program does: its streams are no others.
  for (const words of [['sync', '-v'], ['status', '--json'], ['explain', unsafeText], [unsafeText]]) {
    const { stdout, stderr } = await program.run(...words);
    said[`program ${words.join(' ')}`] = `${stdout}\n${stderr}`;
  }
  for (const [words, text] of Object.entries(said)) expect(unsafeIn(text), inAscii(words)).toEqual([]);

  const help = (await registry.run('--help')).stdout;
  const named = [...(/Commands:\n([\s\S]*?)\n\n/.exec(help)?.[1] ?? '').matchAll(/^ {2}(\S+)/gm)].map(
    ([, name]) => name,
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !commands.some(([first]) => first === name))).toEqual([]);
  // All of it arrived, and can be read as what it is.
  const all = Object.values(said).join('\n');
  for (const shown of ['\\u{e0041}', '\\udb40\\udc41', '\\u009b', '\\u202e', '\\u001b', '\\u00ad'])
    expect(all).toContain(shown);
  for (const source of ['remote', 'refusal', 'encoding', 'location', 'scheme'])
    expect(said.sync, source).toMatch(new RegExp(`^ {2}${source}: .*`, 'm'));
});

test('no answer of the server has such a character, nor does its log', { timeout: 120_000 }, async () => {
  const { registry, module } = await createWorld();
  expect((await registry.run('sync')).code).toBe(3);
  await appendFile(join(registry.directory, 'registry.toml'), '');
  const server = await registry.serve();
  const strange = encodeURIComponent(unsafeText);
  const paths = [
    '/',
    '/health',
    '/ready',
    '/nothing',
    '/api/v0/modules',
    '/api/v0/search?kw=tag',
    `/api/v0/manifest/${encodeURIComponent(module)}`,
    `/api/v0/explain/${encodeURIComponent(module)}`,
    '/api/v0/explain/alice/broken',
    `/api/v0/user/${strange}`,
    `/api/v0/manifest/${strange}/x`,
    `/user/alice/${strange}/1.0.0.zip`,
    `/user/alice/json/${strange}.zip`,
    `/user/${encodeURIComponent(`${module}/9.9.9`)}.zip`,
    `/assets/alice/${strange}@1.0.0/x.wasm`,
    `/assets/${module}@1.0.0/x.wasm`,
    '/git/index/info/refs?service=git-upload-pack',
  ];
  for (const path of paths) {
    const answer = await fetch(`${server.baseUrl}${encodeURI(decodeURI(path))}`.replaceAll('%25', '%'));
    const head = [...answer.headers].map((line) => line.join(': ')).join('\n');
    const isPack = answer.headers.get('content-type')?.includes('git-upload-pack') ?? false;
    expect(unsafeIn(isPack ? head : `${head}\n${await answer.text()}`), inAscii(path)).toEqual([]);
  }
  const manifest = await fetch(`${server.baseUrl}/api/v0/manifest/${encodeURIComponent(module)}`);
  expect(await manifest.json()).toMatchObject({ module, metadata: { description: unsafeText } });
  const health = await (await fetch(`${server.baseUrl}/health`)).text();
  for (const word of ['red', 'title', '127.0.0.1', registry.directory, 'http:'])
    expect(health).not.toContain(word);
  await vi.waitFor(() => expect(server.output()).toContain('\\u'), { timeout: 20_000 });
  const { stdout, stderr } = await server.stop();
  expect(unsafeIn(`${stdout}\n${stderr}`)).toEqual([]);
});
