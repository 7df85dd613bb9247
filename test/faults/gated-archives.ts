import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** An archive host that keeps everybody waiting until it is told to answer, so that a herd is all there before. */
interface GatedArchives {
  readonly url: string;
  /** Raw targets of the requests for archives so far. */
  readonly requests: readonly string[];
  /** Answers who waits, and whoever comes later at once. */
  release(): void;
}

/** Answers every address below `/user/` with `bytes`, others with 404 at once; closed when the running test has finished. */
export async function startGatedArchives(bytes: Buffer): Promise<GatedArchives> {
  const requests: string[] = [];
  const waiting = new Set<ServerResponse>();
  let isOpen = false;
  const answer = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/zip', 'content-length': bytes.length });
    response.end(bytes);
  };
  const server = createServer((request, response) => {
    const { url = '' } = request;
    if (!url.startsWith('/user/')) {
      response.writeHead(404).end();
      return;
    }
    requests.push(url);
    if (isOpen) answer(response);
    else waiting.add(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    release() {
      isOpen = true;
      for (const response of waiting) answer(response);
      waiting.clear();
    },
  };
}
