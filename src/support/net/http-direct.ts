import { type Agent, type ClientRequest, Agent as HttpAgent, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { judgedLookup } from './destination.ts';
import { noAnswerError, timeoutError } from './http-failure.ts';
import type { HttpTransport, TransportAnswer, TransportOptions, TransportRequest } from './http-transport.ts';
import type { TlsSettings } from './tls-settings.ts';

const idleConnectionMs = 4000;

/**
 * Node's own client, without proxies: slower than pools where there is much to fetch, but it loads in a tenth of the
 * time, which is what a command that asks one small question is made of.
 */
export function createDirect(options: TransportOptions): HttpTransport {
  const agentOptions = {
    keepAlive: true,
    maxSockets: options.connectionsPerOrigin,
    timeout: idleConnectionMs,
  };
  const agents = new Map<string | TlsSettings, Agent>();
  async function start(url: URL, { method, headers, tls }: TransportRequest): Promise<ClientRequest> {
    const { protocol } = url;
    const lookup = judgedLookup(options.destinations, url, options.resolve);
    if (protocol === 'https:') {
      const https = await import('node:https');
      const { secureContextOf } = await import('./tls-settings.ts');
      const secured =
        tls === undefined ? agentOptions : { ...agentOptions, secureContext: secureContextOf(tls) };
      const agent = agents.get(tls ?? protocol) ?? new https.Agent(secured);
      agents.set(tls ?? protocol, agent);
      return https.request(url, { method, headers, agent, lookup });
    }
    const agent = agents.get(protocol) ?? new HttpAgent(agentOptions);
    agents.set(protocol, agent);
    return request(url, { method, headers, agent, lookup });
  }
  return {
    send: async (url, wanted) => receive(await start(url, wanted), wanted.signal, options),
    destroy: async () => {
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

function receive(
  sending: ClientRequest,
  signal: AbortSignal,
  { connectMs, firstByteMs, idleMs }: TransportOptions,
): Promise<TransportAnswer> {
  let timer: NodeJS.Timeout | undefined;
  let answer: IncomingMessage | undefined;
  const fail = (error: Error) => (answer ?? sending).destroy(error);
  const abort = () => fail(signal.reason);
  const expect = (ms: number, phase: Parameters<typeof timeoutError>[0]) => {
    clearTimeout(timer);
    timer = setTimeout(() => fail(timeoutError(phase)), ms);
  };
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  sending.on('socket', (socket: Socket & { readonly encrypted?: true }) => {
    if (!socket.connecting) return expect(firstByteMs, 'headers');
    expect(connectMs, 'connect');
    socket.once(socket.encrypted ? 'secureConnect' : 'connect', () => expect(firstByteMs, 'headers'));
  });
  sending.on('close', () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  });
  return new Promise((resolve, reject) => {
    sending.on('error', reject);
    // Whatever else ends it without an answer: nobody is left waiting.
    sending.on('close', () => reject(noAnswerError()));
    // Node gives the answer 101 (Switching Protocols) here, and nowhere else; we never ask for another protocol.
    sending.on('upgrade', (_, socket) => {
      socket.destroy();
      reject(noAnswerError());
    });
    sending.on('response', (response) => {
      answer = response;
      clearTimeout(timer);
      response.setTimeout(idleMs, () => fail(timeoutError('body')));
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: response,
        discard: () => void response.destroy(),
      });
    });
    sending.end();
  });
}
