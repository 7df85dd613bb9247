/** Whatever bytes come, over HTTP or from a source: no failure of ours, no hang, and what is served stays the same. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { decodePath, parseTarget } from '../../src/http/target.ts';
import { formatIndexFile, parseIndexFile } from '../../src/index/index-file.ts';
import { parseProjectManifest } from '../../src/model/project-manifest.ts';
import { type GitProtocol, readUploadRequest } from '../../src/packs/upload-request.ts';
import { parseAssetPath } from '../../src/registry/deliver/assets/asset-path.ts';
import { clone, fetchReset, pull, shallowClone } from '../support/git-client.ts';
import { readServed } from '../support/registry-world.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { createClientWorld, exchange, packets, post, statusesOf } from './client-world.ts';
import { fastDirectory } from './fast-directory.ts';
import { mutated, mutatedPackets } from './mutation.ts';
import { type RecordedRequest, recordRequests } from './recorder.ts';

const root = fastDirectory();
/** For everything in this file together. */
const seconds = Number(process.env.FUZZ_SECONDS ?? 4);
const timeoutMs = seconds * 1000 + 60_000;

/** For a part of the time, in percent; a failure names the seed and path that repeat it. */
function limitsFor(percent: number) {
  return { interruptAfterTimeLimit: seconds * 10 * percent, numRuns: 1_000_000_000 };
}

const targets = [
  '/',
  '/health',
  '/symbols.zip',
  '/user/alice/json/1.0.0.zip',
  '/user/alice%2Fjson%2F1.0.0.zip?explain=1',
  '/user/bob/http/0.1.0.zip',
  '/assets/alice/json@1.0.0/main/main.wasm.sha256',
  '/prebuild/alice/json@1.0.0/main.wasm',
  '/api/v0/search?kw=json&limit=3',
  '/api/v0/modules?recent=5&new=2&popular=1',
  '/api/v0/modules/statistics',
  '/api/v0/manifest/alice/json/pkg@1.0.0',
  '/api/v0/explain/alice/json@1.0.0',
  '/api/v0/user/alice',
  '/git/index/info/refs?service=git-upload-pack',
  '/git/index/config',
  'http://registry.example/health',
];
const words = [
  '..',
  '%2e%2e',
  '%2F',
  '%00',
  '%c0%af',
  '%',
  '//',
  '\\',
  '@',
  '?',
  '#',
  'é',
  '\u00ff',
  '__proto__',
  '.zip',
];
const target = mutated(fc.constantFrom(...targets), words);
const method = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('GET', 'HEAD', 'POST') },
  fc.constantFrom('PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND', 'get', '', 'CONNECT'),
);
const headerLine = fc.oneof(
  mutated(
    fc.constantFrom(
      'Range: bytes=0-10',
      'If-None-Match: W/"a", *',
      'If-Range: "x"',
      'Git-Protocol: version=2',
      'Content-Encoding: gzip',
      'Content-Type: application/x-git-upload-pack-request',
      'Accept-Encoding: gzip;q=0',
      'Expect: 100-continue',
      'Content-Length: 7',
      'Transfer-Encoding: chunked',
      'User-Agent: git/2.39.5',
      'Upgrade: h2c',
    ),
    ['bytes=', '-', ',', '\t', ':', '\n', '\r', '0x7', 'chunked', '99999999999999999999'],
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 40 }),
);

const request = fc
  .record({ method, target, headers: fc.array(headerLine, { maxLength: 5 }) })
  .map(({ method: verb, target: path, headers }) => {
    const lines = [`${verb} ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers];
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  });

const gitWords = [
  'want ',
  'have ',
  'deepen ',
  'shallow ',
  'filter blob:none',
  'command=',
  '\n',
  '\0',
  'refs/',
  '^',
  'f'.repeat(40),
];

/** What clients of every generation send in their life: both ways to clone and both to fetch, in v0 and v2. */
async function recordClients(address: string, publish: () => Promise<void>): Promise<RecordedRequest[]> {
  return recordRequests(address, async (recorder) => {
    const directories = [0, 2].map((protocol) => [protocol as 0 | 2, temporaryDirectory()] as const);
    for (const [protocol, directory] of directories) {
      await clone(`${recorder}/git/index`, join(directory, 'whole'), { protocol });
      await shallowClone(`${recorder}/git/index`, join(directory, 'shallow'), { protocol });
    }
    await publish();
    for (const [protocol, directory] of directories) {
      await pull(join(directory, 'whole'), { protocol });
      await fetchReset(join(directory, 'shallow'), { protocol });
    }
  });
}

describe('whatever is sent to the server', () => {
  test('is answered without a failure of ours, and changes nothing', { timeout: timeoutMs }, async () => {
    const world = await createClientWorld(root);
    const recorded = await recordClients(world.server.url, world.publish);
    expect(recorded.length).toBeGreaterThanOrEqual(8);
    const { registry, server, log } = world;
    const [commit, served] = [await registry.servedCommit(), await readServed(registry)];
    const send = async (bytes: Buffer) => {
      // A client that promised more than it sent leaves, as it would wait for ever.
      const received = await exchange(server.port, bytes, { leaveAfterMs: 300 });
      const isFailure = (status: number) => status >= 500 && status !== 502 && status !== 503;
      expect(statusesOf(received).filter(isFailure)).toEqual([]);
      expect(log.splice(0).filter(({ level }) => level === 'error')).toEqual([]);
    };
    await fc.assert(fc.asyncProperty(request, send), limitsFor(35));
    const bodies = mutatedPackets(
      recorded.map(({ body }) => body),
      gitWords,
    );
    const protocol = mutated(fc.constantFrom('version=2', 'version=1', 'version=0'), [':', '=', 'version=2']);
    const safeProtocol = protocol.map((text) => text.replace(/[\0\r\n]/g, ''));
    await fc.assert(
      fc.asyncProperty(bodies, safeProtocol, (body, version) =>
        send(post(body, [`Git-Protocol: ${version}`])),
      ),
      limitsFor(35),
    );
    await world.askHealthily();
    expect(await registry.servedCommit()).toBe(commit);
    expect(await readServed(registry)).toEqual(served);
    expect(server.stats().git).toMatchObject({ running: 0, waiting: 0 });
  });
});

describe('whatever is parsed', () => {
  const id = 'a'.repeat(40);
  const sent = [
    packets('command=fetch', 'agent=git/2', '|', 'thin-pack', 'deepen 1', `want ${id}`, 'done', '.'),
    packets('command=ls-refs', '|', 'peel', 'symrefs', 'ref-prefix refs/heads/', '.'),
    packets(`want ${id} multi_ack_detailed side-band-64k agent=git/2`, 'deepen 1', '.', `have ${id}`, 'done'),
  ];

  test('a request of git is refused, or accepted in a form that is accepted again', {
    timeout: timeoutMs,
  }, () => {
    const protocols = fc.constantFrom<GitProtocol>(0, 1, 2);
    const property = fc.property(mutatedPackets(sent, gitWords), protocols, (body, protocol) => {
      const read = readUploadRequest(protocol, body);
      if (read.kind !== 'accepted') return;
      for (const served of [new Set<string>(), new Set([id])]) {
        const input = read.within(served);
        const again = readUploadRequest(protocol, input.bytes);
        expect(again).toMatchObject({ kind: 'accepted', wants: read.wants });
        expect(again.kind === 'accepted' && again.within(served)).toEqual(input);
      }
      expect(read.wants.every((want) => /^[0-9a-f]{40}$/.test(want))).toBe(true);
    });
    fc.assert(property, limitsFor(8));
  });

  test('a target is a path or nothing, and an asset stays in its folder', { timeout: timeoutMs }, () => {
    const property = fc.property(target, fc.constantFrom('', '/moon'), (raw, prefix) => {
      const parsed = parseTarget(raw, prefix);
      if (!parsed) return;
      expect(parsed.path).toMatch(/^\/(?!\/)/);
      const asset = parseAssetPath((decodePath(parsed.path) ?? '').slice('/assets/'.length));
      if (asset) expect(asset.wasmPath).not.toMatch(/(^|\/)\.\.?(\/|$)|[\0\\]|^\//);
    });
    fc.assert(property, limitsFor(7));
  });

  test('an index file gives lines that are read back the same', { timeout: timeoutMs }, () => {
    const line = `{"name":"alice/json","version":"1.0.0","deps":{"a/b":"1.0.0"},"checksum":"${'0'.repeat(64)}"}\n`;
    const file = mutated(fc.constantFrom(line, line + line.replace('1.0.0', '2.0.0')), [
      '{',
      '"',
      '\\u0000',
      '\n',
      '[]',
      '1e999',
    ]);
    const property = fc.property(file, (text) => {
      const { lines } = parseIndexFile(Buffer.from(text, 'latin1'));
      const again = parseIndexFile(formatIndexFile(lines));
      expect(again.malformed).toEqual([]);
      expect(again.lines.map(({ entry }) => entry)).toEqual(lines.map(({ entry }) => entry));
    });
    fc.assert(property, limitsFor(7));
  });

  test('a project is read, or the place of its fault is told', { timeout: timeoutMs }, () => {
    const older = '{ // c\n"name": "a/b", "deps": { "a/c": "1.0.0", "a/d": { "path": "../d" } }, }';
    const newer =
      'name = "a/b"\nimport {\n  "a/c@1.0.0",\n}\noptions(\n  "bin-deps": { "a/x": "1.0.0" },\n)\n';
    const property = fc.property(
      fc
        .constantFrom<[string, string]>(['moon.mod.json', older], ['moon.mod', newer])
        .chain(([name, text]) =>
          fc.tuple(
            fc.constant(name),
            mutated(fc.constant(text), ['{', '(', '[', '"', '\\', '//', '__proto__', '[['.repeat(5000)]),
          ),
        ),
      ([name, text]) => {
        try {
          parseProjectManifest(name, text);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      },
    );
    fc.assert(property, limitsFor(8));
  });
});
