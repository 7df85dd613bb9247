import { once } from 'node:events';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, type Server, startServer } from './process.ts';
import { findProgram, gitHttpBackend, missingPrograms } from './programs.ts';
import type { Bench } from './scenario.ts';

export const nginxMissing = () => missingPrograms('nginx');
export const gitBackendMissing = () => missingPrograms('nginx', 'fcgiwrap');

/** nginx as a file server, tuned as one would for this: sendfile, no access log, connections kept. */
export function startFileServer(bench: Bench, root: string, workers = 1): Promise<Server> {
  return startNginx(bench, { workers, location: `root ${root};` });
}

/** nginx as a caching proxy of `url`, with an empty cache. */
export async function startCachingProxy(bench: Bench, url: string): Promise<Server> {
  const cache = await newFolder(bench, 'proxy-cache');
  return startNginx(bench, {
    workers: 1,
    http: [
      `proxy_cache_path ${cache} levels=1:2 keys_zone=archives:16m max_size=4g use_temp_path=off;`,
      `upstream source { server ${new URL(url).host}; keepalive 16; }`,
    ],
    location:
      'proxy_pass http://source; proxy_http_version 1.1; proxy_set_header Connection ""; ' +
      'proxy_cache archives; proxy_cache_key $request_uri; proxy_cache_valid 200 1h; proxy_cache_lock on;',
  });
}

/** `git http-backend` behind nginx and fcgiwrap, for the bare repository `index` below `projectRoot`. */
export async function startGitBackend(bench: Bench, projectRoot: string): Promise<Server> {
  const folder = await newFolder(bench, 'fcgiwrap');
  const socket = join(folder, 'socket');
  const wrapper = await startServer(
    findProgram('fcgiwrap') ?? 'fcgiwrap',
    ['-c', '4', '-s', `unix:${socket}`],
    () => exists(socket),
  );
  bench.resources.add(() => wrapper.stop());
  const parameters: Record<string, string> = {
    SCRIPT_FILENAME: await gitHttpBackend(),
    GIT_PROJECT_ROOT: projectRoot,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: '$git_path',
    QUERY_STRING: '$query_string',
    REQUEST_METHOD: '$request_method',
    CONTENT_TYPE: '$content_type',
    CONTENT_LENGTH: '$content_length',
    HTTP_CONTENT_ENCODING: '$http_content_encoding',
    GIT_PROTOCOL: '$http_git_protocol',
    REMOTE_ADDR: '$remote_addr',
  };
  const lines = Object.entries(parameters).map(([name, value]) => `fastcgi_param ${name} ${value};`);
  return startNginx(bench, {
    workers: 1,
    http: ['map $uri $git_path { ~^/git(?<path>/.*)$ $path; default ""; }'],
    location: `${lines.join(' ')} fastcgi_pass unix:${socket}; fastcgi_buffers 64 64k;`,
  });
}

interface Site {
  readonly workers: number;
  readonly http?: readonly string[];
  readonly location: string;
}

async function startNginx(bench: Bench, { workers, http = [], location }: Site): Promise<Server> {
  const folder = await newFolder(bench, 'nginx');
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  const config = [
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    `daemon off; worker_processes ${workers}; pid ${folder}/pid; error_log ${folder}/error.log;`,
    'worker_rlimit_nofile 8192; events { worker_connections 4096; }',
    'http {',
    'access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;',
    'default_type application/zip;',
    ...temporary,
    ...http,
    `server { listen 127.0.0.1:${port} reuseport backlog=4096; location / { ${location} } }`,
    '}',
  ];
  await writeFile(join(folder, 'nginx.conf'), `${config.join('\n')}\n`);
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer(
    findProgram('nginx') ?? 'nginx',
    ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')],
    () => answers(url),
  );
  bench.resources.add(() => server.stop());
  return server;
}

let folders = 0;

async function newFolder(bench: Bench, name: string): Promise<string> {
  const folder = join(bench.directory, `${name}-${folders++}`);
  await mkdir(folder, { recursive: true });
  return folder;
}

async function answers(url: string): Promise<string> {
  for (let attempt = 0; attempt < 500; attempt++) {
    try {
      await fetch(url, { method: 'HEAD' });
      return url;
    } catch {
      await sleep(10);
    }
  }
  throw new Error(`nothing answers at ${url}`);
}

async function exists(path: string): Promise<string> {
  for (let attempt = 0; attempt < 500; attempt++) {
    try {
      await stat(path);
      return path;
    } catch {
      await sleep(10);
    }
  }
  throw new Error(`${path} did not come into being`);
}

/** Nobody has it now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The version that `nginx -v` states. */
export async function nginxVersion(): Promise<string> {
  return (await run(findProgram('nginx') ?? 'nginx', ['-v'])).stderr.trim();
}
