import { errorCode } from '../error-code.ts';
import { redact } from '../redact.ts';
import { DestinationRefused } from './destination.ts';

/** Why no usable response came. `detail` is one line without credentials; it does not name the address. */
export interface HttpFailure {
  readonly reason: 'timeout' | 'connection' | 'tls' | 'bad-answer';
  readonly detail: string;
  /** What whoever runs this could give: a certificate that the far side believes, or the authority that issued the far side's. */
  readonly lacks?: 'identity' | 'authority';
}

const unbelieved: HttpFailure = {
  reason: 'tls',
  detail: 'the server refuses our client certificate',
  lacks: 'identity',
};
const sentences: Readonly<Record<string, HttpFailure>> = {
  UND_ERR_CONNECT_TIMEOUT: { reason: 'timeout', detail: 'no connection within the time allowed' },
  ETIMEDOUT: { reason: 'timeout', detail: 'no connection within the time allowed' },
  UND_ERR_HEADERS_TIMEOUT: { reason: 'timeout', detail: 'no answer within the time allowed' },
  UND_ERR_BODY_TIMEOUT: { reason: 'timeout', detail: 'the answer stopped arriving' },
  TOO_SLOW: { reason: 'timeout', detail: 'the answer arrived too slowly' },
  TOTAL_TIMEOUT: { reason: 'timeout', detail: 'not finished within the time allowed' },
  ECONNREFUSED: { reason: 'connection', detail: 'the connection was refused' },
  ECONNRESET: { reason: 'connection', detail: 'the connection was reset' },
  EPIPE: { reason: 'connection', detail: 'the connection was reset' },
  ENOTFOUND: { reason: 'connection', detail: 'the host name does not resolve' },
  EAI_AGAIN: { reason: 'connection', detail: 'the host name could not be resolved at the moment' },
  EHOSTUNREACH: { reason: 'connection', detail: 'the host cannot be reached' },
  ENETUNREACH: { reason: 'connection', detail: 'the network cannot be reached' },
  EADDRNOTAVAIL: { reason: 'connection', detail: 'the address cannot be used from here' },
  ECONNABORTED: { reason: 'connection', detail: 'the connection was aborted' },
  UND_ERR_SOCKET: { reason: 'connection', detail: 'the connection closed before everything had arrived' },
  UND_ERR_DESTROYED: { reason: 'connection', detail: 'the connection was closed on our side' },
  UND_ERR_CLOSED: { reason: 'connection', detail: 'the connection was closed on our side' },
  // undici's name for a proxy that did not open the tunnel
  UND_ERR_ABORTED: { reason: 'connection', detail: 'the proxy refused to connect' },
  // undici's name for a 407 in the proxy form; what we pass it is checked before
  UND_ERR_INVALID_ARG: { reason: 'connection', detail: 'the proxy wants authentication' },
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: {
    reason: 'tls',
    detail: 'the server wants a client certificate',
    lacks: 'identity',
  },
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: unbelieved,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: unbelieved,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: unbelieved,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: unbelieved,
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: unbelieved,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: unbelieved,
  ERR_SSL_TLSV1_ALERT_ACCESS_DENIED: unbelieved,
  // Its words hold the names in a certificate, which are the far side's.
  ERR_TLS_CERT_ALTNAME_INVALID: { reason: 'tls', detail: 'the certificate is for another name' },
  BODY_CHANGED: { reason: 'connection', detail: 'the answer broke off, and what is there now is another' },
  NO_ANSWER: { reason: 'bad-answer', detail: 'the connection ended without an answer to what was asked' },
  HPE_HEADER_OVERFLOW: { reason: 'bad-answer', detail: 'the headers of the answer are too long' },
  UND_ERR_HEADERS_OVERFLOW: { reason: 'bad-answer', detail: 'the headers of the answer are too long' },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: {
    reason: 'bad-answer',
    detail: 'the answer is longer or shorter than it says',
  },
};
const tlsCodes =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|PATH_LENGTH_)/;
const unknownAuthority =
  /^(?:SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY)/;
// A firewall answers `connect` with EACCES or EPERM, a resolver has codes of its own.
const connecting = new Set(['connect', 'getaddrinfo', 'queryA', 'queryAaaa']);
const moreTlsCodes = new Set(['EPROTO', 'HOSTNAME_MISMATCH', 'UND_ERR_PRX_TLS', 'INVALID_PURPOSE']);

/**
 * What a failed request, or a body stream that ended in an error, means. `undefined` when the error is not one of
 * transport (a full disk, say), so that it can be thrown on. A body that ends short of its Content-Length or inside
 * a chunk fails with such an error; one that ends without was complete as far as HTTP can tell.
 */
export function transportFailure(error: unknown): HttpFailure | undefined {
  if (error instanceof DestinationRefused) return { reason: 'bad-answer', detail: error.message };
  if (!(error instanceof Error)) return undefined;
  const code = errorCode(error);
  if (code !== undefined && Object.hasOwn(sentences, code)) return sentences[code];
  // undici's parser names itself, Node's says what it stumbled over: HPE_INVALID_CONSTANT.
  if (error.name === 'HTTPParserError' || code?.startsWith('HPE_'))
    return { reason: 'bad-answer', detail: 'the answer is not HTTP' };
  if (code === undefined) return undefined;
  if (tlsCodes.test(code) || moreTlsCodes.has(code)) {
    const detail = `the connection is not secure: ${redact(error.message)} (${code})`;
    return { reason: 'tls', detail, ...(unknownAuthority.test(code) ? { lacks: 'authority' } : {}) };
  }
  if (connecting.has(syscallOf(error)) || code.startsWith('UND_ERR_'))
    return { reason: 'connection', detail: `no connection (${code})` };
  return undefined;
}

/** What a failed system call did; '' where it was none. */
function syscallOf(error: Error): string {
  return 'syscall' in error ? String(error.syscall) : '';
}

const timeoutCodes = {
  connect: 'UND_ERR_CONNECT_TIMEOUT',
  headers: 'UND_ERR_HEADERS_TIMEOUT',
  body: 'UND_ERR_BODY_TIMEOUT',
  pace: 'TOO_SLOW',
  whole: 'TOTAL_TIMEOUT',
};

/** An error as a body stream or a request is given it when the time for a part of it is up, by undici's names. */
export function timeoutError(part: keyof typeof timeoutCodes): Error {
  return Object.assign(new Error('not finished within the time allowed'), { code: timeoutCodes[part] });
}

/** For a connection that ended with neither an answer nor an error. */
export function noAnswerError(): Error {
  return Object.assign(new Error('the connection ended without an answer'), { code: 'NO_ANSWER' });
}
