/** Names of hosts as `Host` headers, settings and sockets write them, in one form that can be compared. */

// A name, or an IPv4 address: the dot at the end says that the name is complete, and changes nothing.
const nameForm =
  /^(?=.{1,254}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?$/;
const bracketedForm = /^\[[0-9a-f:.]{2,45}\]$/;
const hostForm = /^(\[[^\]]*\]|[^:[\]]*)(?::([0-9]{0,5}))?$/;
const loopbackAddress = /^127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;
const mappedPrefix = /^::ffff:(?=\d+\.)/i;

/**
 * The host of a `Host` header (RFC 9110 §7.2), without its port: lowercase, no final dot, an IPv6 address in brackets and
 * in its shortest form. `undefined` for what is none, userinfo and anything that a URL could not hold included.
 */
export function parseHost(text: string): string | undefined {
  const [, name = '', port = ''] = hostForm.exec(text) ?? [];
  return Number(port) > 65_535 ? undefined : parseHostName(name);
}

/** As `parseHost`, for a host without a port. */
export function parseHostName(text: string): string | undefined {
  const name = text.toLowerCase();
  if (nameForm.test(name)) return name.replace(/\.$/, '');
  const url = `http://${name}/`;
  return bracketedForm.test(name) && URL.canParse(url) ? new URL(url).hostname : undefined;
}

/** The address of a socket in the form of `parseHostName`. */
export function hostOfAddress(address: string): string | undefined {
  const plain = address.replace(mappedPrefix, '').replace(/%.*$/, '');
  return parseHostName(plain.includes(':') ? `[${plain}]` : plain);
}

/** Whether a host in this form is this machine by definition: `localhost`, 127.0.0.0/8, `[::1]`. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || loopbackAddress.test(host);
}

/** The port of a web address, also where it is the usual one and left out. */
export function portOf({ port, protocol }: URL): string {
  return port || (protocol === 'https:' ? '443' : '80');
}
