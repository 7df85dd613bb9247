import type { IncomingMessage, ServerResponse } from 'node:http';

export function hasBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Takes in what nobody reads of a request, so that whoever sends it comes to read the answer; beyond `maxBytes` the connection
 * ends with the answer. Node.js by itself would take in whatever comes.
 */
export function discardBody(request: IncomingMessage, response: ServerResponse, maxBytes: number): void {
  // Somebody has read it, or there is none.
  if (request.complete || request.readableFlowing !== null || !hasBody(request)) return;
  let size = 0;
  const take = (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxBytes) return;
    request.off('data', take).pause();
    if (response.writableFinished) request.socket.destroy();
    else response.once('finish', () => request.socket.destroySoon());
  };
  request.on('data', take);
}
