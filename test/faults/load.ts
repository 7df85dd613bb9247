/** Many clients that download again and again, and compare what they get with what is served. */
import { setMaxListeners } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { onTestFinished, vi } from 'vitest';
import { sha256 } from '../support/worlds.ts';

export interface Load {
  /** How requests ended so far. */
  readonly counts: LoadCounts;
  /** Resolves when so many more answers were right. */
  served(count: number): Promise<void>;
  /** Waits until at most `silent` clients have a request running, and breaks those off. */
  stop(silent: number): Promise<void>;
}

interface LoadCounts {
  right: number;
  /** The client was told that it has not got the whole answer. */
  broken: number;
  /** Looked whole, and was not what is served. */
  wrong: string[];
}

const patience = { timeout: 40_000, interval: 10 };

/** `clients` of which each has one request running, on a connection of its own. `served` is as `readServed` gives it. */
export function startLoad(url: string, served: Readonly<Record<string, string>>, clients: number): Load {
  const counts: LoadCounts = { right: 0, broken: 0, wrong: [] };
  const versions = Object.entries(served);
  const leaving = new AbortController();
  setMaxListeners(0, leaving.signal);
  let running = clients;
  let isStopping = false;
  const ask = async (turn: number) => {
    const [id = '', checksum] = versions[turn % versions.length] ?? [];
    const answer = await download(`${url}/user/${id.replace('@', '/')}.zip`, leaving.signal);
    if (answer === undefined) counts.broken++;
    else if (answer === `200 ${checksum}`) counts.right++;
    else counts.wrong.push(`${id}: ${answer}`);
  };
  const finished = Array.from({ length: clients }, async (_, client) => {
    for (let turn = client; !isStopping; turn++) await ask(turn);
    running--;
  });
  onTestFinished(async () => {
    isStopping = true;
    leaving.abort();
    await Promise.all(finished);
  });
  return {
    counts,
    async served(count) {
      const goal = counts.right + count;
      await vi.waitFor(() => {
        if (counts.right < goal) throw new Error(`served too little: ${JSON.stringify(counts)}`);
      }, patience);
    },
    async stop(silent) {
      isStopping = true;
      await vi.waitFor(() => {
        if (running > silent) throw new Error(`${running} clients got no answer: ${JSON.stringify(counts)}`);
      }, patience);
      leaving.abort();
      await Promise.all(finished);
    },
  };
}

/** Status and checksum of an answer; `undefined` when the connection broke before it was whole. */
function download(address: string, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get(address, { agent: false, signal });
    request.on('error', () => resolve(undefined));
    request.on('response', (response) => {
      readAll(response).then(
        (bytes) => resolve(`${response.statusCode} ${sha256(bytes)}`),
        () => resolve(undefined),
      );
    });
  });
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
