import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface BareSettings {
  /** Files by `METHOD PATH`. */
  readonly answers: Readonly<Record<string, string>>;
}

/**
 * The least that a server in Node.js can do: `node:http`, and answers from a map of buffers. It checks, logs and
 * limits nothing: what ours takes longer is ours, and what nginx takes less is Node's.
 */
export async function serveBare({ answers }: BareSettings): Promise<void> {
  const known = new Map<string, Buffer>();
  for (const [key, file] of Object.entries(answers)) known.set(key, await readFile(file));
  const server = createServer((request, response) => {
    const body = known.get(`${request.method} ${request.url}`) ?? Buffer.alloc(0);
    const answer = () => {
      response.writeHead(200, ['Content-Length', String(body.length)]);
      response.end(body);
    };
    if (request.method === 'GET') answer();
    else request.resume().on('end', answer);
  });
  process.stdin.on('end', () => process.exit()).resume();
  server.listen(0, '127.0.0.1', () => {
    console.log(`bare server at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}
