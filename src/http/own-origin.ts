import type { IncomingMessage } from 'node:http';
import { parseAddress } from '../support/net/address-ranges.ts';
import type { ClientAddress } from './client-address.ts';

// A name, an IPv4 or a bracketed IPv6 address, with a port perhaps: nothing that could break out of a URL.
const hostForm = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$/;

type Asked = Pick<IncomingMessage, 'headers'> & {
  readonly socket: Pick<IncomingMessage['socket'], 'localAddress' | 'localPort'>;
};

/** Where the client reached us: by the scheme that it used, at the host it named, else where its connection ended. */
export function ownOrigin({ headers, socket }: Asked, scheme: ClientAddress['scheme']): string {
  const { host } = headers;
  if (host !== undefined && hostForm.test(host)) return `${scheme}://${host}`;
  const address = parseAddress(socket.localAddress ?? '') ?? 'localhost';
  const name = address.includes(':') ? `[${address}]` : address;
  return `http://${name}${socket.localPort === undefined ? '' : `:${socket.localPort}`}`;
}
