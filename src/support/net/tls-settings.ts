import { readFileSync } from 'node:fs';
import tls, { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { type Environment, processEnvironment } from '../environment.ts';

/** What secures connections beside what counts for all; texts in PEM. Two of them are the same if they are one object. */
export interface TlsSettings {
  /** Certificate and key by which we show who we are. */
  readonly identity: TlsIdentity | undefined;
  /** Authorities that are trusted beside Node's own. */
  readonly ca: string | undefined;
}

interface TlsIdentity {
  readonly certificate: string;
  readonly key: string;
}

const contexts = new WeakMap<TlsSettings, SecureContext>();
const anonymous = new WeakMap<TlsSettings, TlsSettings>();

/** Made once, as it holds a hundred authorities and more. */
export function secureContextOf(settings: TlsSettings): SecureContext {
  const made = contexts.get(settings);
  if (made !== undefined) return made;
  const { identity, ca } = settings;
  const context = createSecureContext({
    ...(ca === undefined ? {} : { ca: [...trustedAuthorities(), ca] }),
    ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
  });
  contexts.set(settings, context);
  return context;
}

/** For where nobody is to know who we are; `undefined` where nothing else is left. */
export function withoutIdentity(settings: TlsSettings | undefined): TlsSettings | undefined {
  if (settings?.ca === undefined) return undefined;
  if (settings.identity === undefined) return settings;
  const known = anonymous.get(settings) ?? { ca: settings.ca, identity: undefined };
  anonymous.set(settings, known);
  return known;
}

/** What Node trusts by itself, which it forgets once it is given authorities. */
function trustedAuthorities(): readonly string[] {
  if ('getCACertificates' in tls && typeof tls.getCACertificates === 'function')
    return tls.getCACertificates('default') as string[];
  return [...rootCertificates, readExtraAuthorities(processEnvironment) ?? []].flat();
}

/** What `NODE_EXTRA_CA_CERTS` adds to the authorities that Node trusts (PEM); Node ignores a file that it cannot read. */
export function readExtraAuthorities({ NODE_EXTRA_CA_CERTS: file }: Environment): string | undefined {
  try {
    return file ? readFileSync(file, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
