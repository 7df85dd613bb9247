import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A request to publish, as it arrived. */
interface SeenPublication {
  readonly authorization: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
  /** SHA-256 of each file, by its name. */
  readonly files: Readonly<Record<string, string>>;
}

interface ScriptedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface PublishStandIn {
  readonly url: string;
  readonly seen: SeenPublication[];
  /** Answers to come, one for each request to publish; as the official registry would, when there are none left. */
  readonly answers: (ScriptedAnswer | 'hang up' | 'say nothing')[];
  /** Addresses of versions that `/api/v0/manifest/` has, and how often it denies that first. */
  readonly listed: Map<string, number>;
  /** Calls back when a request to publish has arrived in full. */
  onPublish: () => void;
}

/** A registry that takes what is published, as far as whoever publishes can tell; on loopback. */
export async function startPublishStandIn(): Promise<PublishStandIn> {
  const standIn = {
    url: '',
    seen: [] as SeenPublication[],
    answers: [] as PublishStandIn['answers'],
    listed: new Map<string, number>(),
    onPublish: () => {},
  };
  const server = createServer((request, response) => {
    const isPublish = request.method === 'POST' && request.url === '/api/v0/publish';
    if (isPublish) void answerPublish(standIn, request, response);
    else answerManifest(standIn, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  standIn.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return standIn;
}

async function answerPublish(
  standIn: PublishStandIn,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await buffer(request);
  standIn.seen.push(await readForm(request, body));
  standIn.onPublish();
  const isDryRun = standIn.seen.at(-1)?.fields.dry_run === 'true';
  const next =
    standIn.answers.shift() ?? (isDryRun ? { status: 202 } : { status: 200, body: '{"status":"ok"}' });
  if (next === 'say nothing') return;
  if (next === 'hang up') request.socket.destroy();
  else response.writeHead(next.status, next.headers).end(next.body);
}

async function readForm(request: IncomingMessage, body: Buffer): Promise<SeenPublication> {
  const { authorization, 'content-type': type = '' } = request.headers;
  const form = await new Response(body, { headers: { 'content-type': type } }).formData();
  const fields: Record<string, string> = {};
  const files: Record<string, string> = {};
  for (const [name, value] of form)
    if (typeof value === 'string') fields[name] = value;
    else
      files[value.name] = createHash('sha256')
        .update(Buffer.from(await value.arrayBuffer()))
        .digest('hex');
  return { authorization, fields, files };
}

function answerManifest(
  { listed }: PublishStandIn,
  { url = '' }: IncomingMessage,
  response: ServerResponse,
): void {
  const id = decodeURIComponent(url.replace('/api/v0/manifest/', ''));
  const denials = listed.get(id);
  if (denials !== undefined && denials > 0) listed.set(id, denials - 1);
  if (denials === 0) response.end(JSON.stringify({ version: id.split('@')[1] }));
  else response.writeHead(404).end('{"detail":"Package not found"}');
}
