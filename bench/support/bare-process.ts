import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

export interface BareSettings {
  /** Files by `METHOD PATH`. */
  readonly answers: Readonly<Record<string, string>>;
  /** The address that everything is fetched from instead. */
  readonly source?: string;
}

/**
 * The least that a server in Node.js can do: `node:http`, and answers from a map of buffers, or from a source. It
 * keeps, logs and limits nothing: what ours takes longer is ours, and what nginx takes less is Node's.
 */
export async function serveBare({ answers, source }: BareSettings): Promise<void> {
  const server = createServer(source === undefined ? await fromMemory(answers) : fromSource(source));
  process.stdin.on('end', () => process.exit()).resume();
  server.listen(0, '127.0.0.1', () => {
    console.log(`bare server at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}

async function fromMemory(answers: BareSettings['answers']): Promise<RequestListener> {
  const known = new Map<string, Buffer>();
  for (const [key, file] of Object.entries(answers)) known.set(key, await readFile(file));
  return (request, response) => {
    const body = known.get(`${request.method} ${request.url}`) ?? Buffer.alloc(0);
    if (request.method === 'GET') answer(response, body);
    else request.resume().on('end', () => answer(response, body));
  };
}

/** Hashes what it fetches, as whoever verifies must. */
function fromSource(source: string): RequestListener {
  const pool = new Pool(source, { connections: 16 });
  return async (request, response) => {
    const { body } = await pool.request({ method: 'GET', path: request.url ?? '/' });
    const bytes = Buffer.from(await body.arrayBuffer());
    createHash('sha256').update(bytes).digest('hex');
    answer(response, bytes);
  };
}

function answer(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, ['Content-Length', String(body.length)]);
  response.end(body);
}
