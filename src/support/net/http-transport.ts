import type { Readable } from 'node:stream';
import type { Destinations, Resolve } from './destination.ts';
import type { TlsSettings } from './tls-settings.ts';

/** Sends one request and gives what came; `fetch-http.ts` adds retries, redirects and the whole time. */
export interface HttpTransport {
  /**
   * Rejects with an error that `transportFailure` knows, or with the signal's reason; the body fails with the same.
   * Whoever asks reads, destroys or discards the body.
   */
  send(url: URL, request: TransportRequest): Promise<TransportAnswer>;
  /** Closes every connection; what is still running fails. */
  destroy(): Promise<void>;
}

export interface TransportRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** Sent by pools alone, and destroyed when the request ends. */
  readonly body?: Readable | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** The proxy to ask; `undefined` for a connection to the server itself. */
  readonly proxy: string | undefined;
  readonly tls?: TlsSettings | undefined;
}

export interface TransportAnswer {
  readonly status: number;
  /** Headers by their names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Readable;
  /** Gives the body up, keeping the connection where that is cheap. */
  discard(): void;
}

export interface TransportOptions {
  readonly connectionsPerOrigin: number;
  readonly connectMs: number;
  /** The longest time from the request being sent to the headers being here. */
  readonly firstByteMs: number;
  /** The longest time between two pieces of a body. */
  readonly idleMs: number;
  /** Where connections to servers may lead; those to a proxy, which the environment names, are not judged. */
  readonly destinations: Destinations;
  readonly resolve: Resolve | undefined;
}
