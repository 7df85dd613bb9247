import { createHash } from 'node:crypto';
import { Client, type Dispatcher } from 'undici';
import { quantile } from './statistics.ts';

export interface LoadPlan {
  readonly url: string;
  readonly connections: number;
  readonly requests: readonly LoadRequest[];
  /** Every request once and in order, or again and again for so long. */
  readonly seconds: number | 'once';
  /** After the first answer to each request, looks at the checksum of every so many; always at status and length. */
  readonly verifyEvery: number;
  /** Reads no body until all connections have the head of an answer: all downloads are under way at once. */
  readonly isHeld?: boolean;
}

export interface LoadRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bodyBase64?: string;
  /** What must come back; without them only the status is looked at. */
  readonly sizeBytes?: number;
  readonly checksum?: string;
}

export interface LoadResult {
  readonly requests: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Each connection asks again as soon as it has its answer. Throws at the first answer that is not as it should be. */
export async function generateLoad(plan: LoadPlan): Promise<LoadResult> {
  const requests = plan.requests.map((request) => ({
    ...request,
    body: request.bodyBase64 === undefined ? null : Buffer.from(request.bodyBase64, 'base64'),
  }));
  const latencies: number[] = [];
  let next = 0;
  let bytes = 0;
  const gate = createGate(plan.isHeld === true ? plan.connections : 0);
  const started = performance.now();
  const end = plan.seconds === 'once' ? Number.POSITIVE_INFINITY : started + plan.seconds * 1000;
  const connections = Array.from({ length: plan.connections }, async () => {
    const client = new Client(plan.url, { pipelining: 1, bodyTimeout: 120_000, headersTimeout: 120_000 });
    try {
      while (performance.now() < end && (plan.seconds !== 'once' || next < requests.length)) {
        const position = next++;
        const request = requests[position % requests.length];
        if (!request) break;
        const isVerified = position < requests.length || position % plan.verifyEvery === 0;
        const asked = performance.now();
        bytes += await ask(client, request, isVerified, gate);
        latencies.push(performance.now() - asked);
      }
    } finally {
      await client.close();
    }
  });
  await Promise.all(connections);
  const seconds = (performance.now() - started) / 1000;
  return {
    requests: latencies.length,
    bytes,
    seconds,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  };
}

/** Says whether to wait; calls back those that wait when `parties` have come. */
function createGate(parties: number) {
  const waiting: (() => void)[] = [];
  let missing = parties;
  return (open: () => void): boolean => {
    if (missing <= 0) return false;
    missing--;
    if (missing > 0) waiting.push(open);
    else for (const one of waiting) one();
    return missing > 0;
  };
}

type Request = Omit<LoadRequest, 'bodyBase64'> & { readonly body: Buffer | null };

/** Returns how many bytes the body had. */
function ask(
  client: Client,
  request: Request,
  isVerified: boolean,
  gate: (open: () => void) => boolean,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const hash = isVerified && request.checksum !== undefined ? createHash('sha256') : undefined;
    let size = 0;
    let status = 0;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {},
      onResponseStart(controller, statusCode) {
        status = statusCode;
        if (gate(() => setImmediate(() => controller.resume()))) controller.pause();
      },
      onResponseData(_controller, chunk) {
        size += chunk.length;
        hash?.update(chunk);
      },
      onResponseEnd() {
        const problem = findProblem(request, status, size, hash?.digest('hex'));
        if (problem === undefined) resolve(size);
        else reject(new Error(`${request.method} ${request.path}: ${problem}`));
      },
      onResponseError: (_controller, error) => reject(error),
    };
    client.dispatch(
      {
        method: request.method,
        path: request.path,
        headers: { ...request.headers },
        body: request.body,
      },
      handler,
    );
  });
}

function findProblem(
  request: Request,
  status: number,
  size: number,
  checksum: string | undefined,
): string | undefined {
  if (status !== 200) return `answered with status ${status}`;
  if (request.sizeBytes !== undefined && size !== request.sizeBytes)
    return `gave ${size} bytes instead of ${request.sizeBytes}`;
  if (checksum !== undefined && checksum !== request.checksum) return `gave bytes with checksum ${checksum}`;
  return undefined;
}
