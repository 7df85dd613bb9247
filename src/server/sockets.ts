import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../support/log.ts';

export interface ConnectionsOptions {
  /** When so many are open, the one that has been idle for longest is ended; when none is idle, newcomers are refused. */
  readonly maximum: number;
  readonly log: Log;
  /** Milliseconds since any moment. */
  readonly now: () => number;
}

/** Who is connected, and which connections have requests running. */
export interface Connections {
  add(socket: Socket): void;
  /** `false`: the connection has been ended, so nobody awaits an answer. */
  track(request: IncomingMessage, response: ServerResponse): boolean;
  /** Whether an answer to a request that was read to its end is on its way, or begun. */
  isAnswering(socket: Socket): boolean;
  /** To be told of a newcomer for whom there was no place. */
  refused(): void;
  /** Ends idle connections now and the others when they become idle. */
  drain(): void;
}

/** Requests sent before the first of them is answered; no client of a registry sends two. */
const maxPipelined = 100;
const reportEveryMs = 10_000;

export function createConnections({ maximum, log, now }: ConnectionsOptions): Connections {
  // In the order in which they became idle, or came.
  const running = new Map<Socket, Set<ServerResponse>>();
  const report = createReport(maximum, log, now);
  let isDraining = false;

  function finish(socket: Socket, response: ServerResponse): void {
    const responses = running.get(socket);
    if (!responses?.delete(response) || responses.size > 0) return;
    running.delete(socket);
    running.set(socket, responses);
    if (isDraining) socket.destroySoon();
  }

  function endLongestIdle(): void {
    for (const [socket, responses] of running) {
      if (responses.size > 0) continue;
      running.delete(socket);
      socket.destroy();
      report.ended();
      return;
    }
  }

  return {
    add(socket) {
      // Before it is counted: whoever takes the last place makes room for the next.
      if (running.size + 1 >= maximum) endLongestIdle();
      const responses = new Set<ServerResponse>();
      running.set(socket, responses);
      socket.once('close', () => {
        running.delete(socket);
        for (const response of responses) abandonQueued(response);
      });
    },
    track({ socket }, response) {
      const responses = running.get(socket);
      if (!responses || socket.destroyed) return false;
      if (responses.size >= maxPipelined) {
        log.warn('connection ended: too many requests at once', {
          client: socket.remoteAddress,
          requests: responses.size,
        });
        socket.destroy();
        return false;
      }
      if (isDraining) response.shouldKeepAlive = false;
      responses.add(response);
      response.once('close', () => finish(socket, response));
      return true;
    },
    isAnswering: (socket) =>
      [...(running.get(socket) ?? [])].some(({ req, headersSent }) => req.complete || headersSent),
    refused: () => report.refused(),
    drain() {
      isDraining = true;
      // Node's own `closeIdleConnections` spares connections that never sent a request, as browsers keep them.
      for (const [socket, responses] of running) {
        if (responses.size === 0) socket.destroySoon();
        for (const response of responses) response.shouldKeepAlive = false;
      }
    },
  };
}

/** Node closes the answer that was being sent, but tells nobody of those queued behind it, whose work would wait for ever. */
function abandonQueued(response: ServerResponse): void {
  if (response.socket !== null || response.closed) return;
  response.destroy();
  response.emit('close');
}

/** A flood is one line every ten seconds, not one for each connection. */
function createReport(maximum: number, log: Log, now: () => number) {
  let counts = { refused: 0, ended: 0 };
  let reportedAt = Number.NEGATIVE_INFINITY;
  const tell = () => {
    if (now() - reportedAt < reportEveryMs) return;
    reportedAt = now();
    log.warn('all connections are in use: idle ones are ended, newcomers refused', { maximum, ...counts });
    counts = { refused: 0, ended: 0 };
  };
  return {
    refused() {
      counts.refused++;
      tell();
    },
    ended() {
      counts.ended++;
      tell();
    },
  };
}
