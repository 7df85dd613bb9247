import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

/** A POST that a git client sent, inflated. */
export interface RecordedRequest {
  readonly protocol: string | undefined;
  readonly body: Buffer;
}

/** What `useClients` sends to the server at `url` when it is given the address of a recording one in front of it. */
export async function recordRequests(
  url: string,
  useClients: (address: string) => Promise<void>,
): Promise<RecordedRequest[]> {
  const recorded: RecordedRequest[] = [];
  const recorder = createServer(async (request, response) => {
    const { method, headers } = request;
    const body = await buffer(request);
    if (method === 'POST')
      recorded.push({
        protocol: headers['git-protocol']?.toString(),
        body: headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body,
      });
    const forwarded = httpRequest(url + (request.url ?? ''), { method, headers });
    forwarded.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    forwarded.end(body);
  });
  await new Promise<void>((resolve) => recorder.listen(0, '127.0.0.1', resolve));
  await useClients(`http://127.0.0.1:${(recorder.address() as AddressInfo).port}`);
  recorder.closeAllConnections();
  await new Promise((resolve) => recorder.close(resolve));
  return recorded;
}
