import type { Readable } from 'node:stream';
import type { HttpFailure } from './http-failure.ts';
import type { TlsSettings } from './tls-settings.ts';

export interface HttpRequest {
  readonly url: string;
  readonly method?: 'GET' | 'HEAD' | 'POST';
  /** What a `POST` sends. It goes to `url` alone: a redirect is an answer like any other. */
  readonly body?: HttpBody | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Value of `Authorization` for the origin of `url`; never sent again once a redirect has led to another. */
  readonly authorization?: string | undefined;
  /** How connections are secured; once a redirect has led to another origin, nobody is shown who we are any more. */
  readonly tls?: TlsSettings | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How many redirects are followed; 10 unless given. */
  readonly maxRedirects?: number;
  /** How often it is tried again; as often as the client does, unless given. */
  readonly retries?: number | undefined;
  /** The body may take as long as it keeps arriving: the whole time ends when the headers are here. */
  readonly hasLongBody?: boolean | undefined;
  /** The answer is small, and few are asked for: not worth loading the pools that fetch archives. */
  readonly isSmall?: boolean | undefined;
}

export interface HttpBody {
  /** As a header states it. */
  readonly contentType: string;
  readonly sizeBytes: number;
  /** The bytes from the first on; called anew for each attempt. */
  open(): Readable;
}

export type HttpResult =
  | { readonly kind: 'response'; readonly response: HttpResponse }
  | { readonly kind: 'failure'; readonly failure: HttpFailure };

export interface HttpResponse {
  readonly status: number;
  /** Headers by their names in lower case; of a repeated one, the first. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The bytes as they were sent. Fails, instead of ending, when they break off: see `transportFailure`. */
  readonly body: Readable;
  /** The address that answered, after redirects. May hold a signed link's secrets: show it through `showUrl`. */
  readonly url: string;
  readonly retryAfterMs: number | undefined;
  /** Gives the body up, keeping the connection where that is cheap. */
  discard(): void;
}
