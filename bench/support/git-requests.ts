import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { LoadRequest } from './load-process.ts';
import { run } from './process.ts';

/** The words after `git`, given the address to clone from. */
type GitWords = (indexUrl: string) => string[];

/**
 * Runs stock git once against `url`, and returns the request it sent for the pack: the very bytes and headers that all
 * clients of this version send. The path is below `url`.
 */
export async function capturePackRequest(url: string, words: GitWords): Promise<LoadRequest> {
  const seen: LoadRequest[] = [];
  const server = createServer(async (incoming, response) => {
    const body = await buffer(incoming);
    if (incoming.method === 'POST') seen.push(describe(incoming, body));
    const outgoing = httpRequest(`${url}${incoming.url}`, {
      method: incoming.method,
      headers: { ...incoming.headers, host: new URL(url).host },
    });
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', (error) => response.destroy(error));
    outgoing.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await run('git', words(`http://127.0.0.1:${(server.address() as AddressInfo).port}/git/index`));
  } finally {
    server.closeAllConnections();
    server.close();
  }
  const last = seen.at(-1);
  if (!last) throw new Error('git sent no request for a pack');
  return last;
}

function describe(incoming: IncomingMessage, body: Buffer): LoadRequest {
  const kept = ['content-type', 'content-encoding', 'git-protocol', 'accept'];
  const headers = kept.flatMap((name) => {
    const value = incoming.headers[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return {
    method: 'POST',
    path: incoming.url ?? '',
    headers: Object.fromEntries(headers),
    bodyBase64: body.toString('base64'),
  };
}

/** The request, with what a server answers to it now as what it must answer from now on. */
export async function expectSameAnswer(url: string, request: LoadRequest): Promise<LoadRequest> {
  const answer = await fetch(`${url}${request.path}`, {
    method: request.method,
    headers: { ...request.headers },
    body: Buffer.from(request.bodyBase64 ?? '', 'base64'),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status !== 200 || !bytes.includes('PACK'))
    throw new Error(`${url} gave no pack, but status ${answer.status} and ${bytes.length} bytes`);
  return {
    ...request,
    sizeBytes: bytes.length,
    checksum: createHash('sha256').update(bytes).digest('hex'),
  };
}
