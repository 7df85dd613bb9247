import { chmod, copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Publication } from '../worlds/publisher.ts';
import {
  startUpstreamRegistry,
  type UpstreamOptions,
  type UpstreamRegistry,
} from '../worlds/upstream-registry.ts';
import { createCertificateAuthority } from './certificates.ts';
import { startForwardProxy } from './forward-proxy.ts';

/** A host of the documentation: where its registry is, and what it has. */
export interface HostOfInternet extends Pick<UpstreamOptions, 'basePath' | 'auth'> {
  readonly host: string;
  readonly modules: readonly Publication[];
}

export interface Internet {
  readonly env: Readonly<Record<string, string>>;
  upstream(host: string): UpstreamRegistry;
  /** Every host that anybody asked for, with its port. */
  hostsAsked(): string[];
  close(): Promise<void>;
}

/** These hosts behind a proxy that knows no others, with certificates of a private authority that everybody may read. */
export async function startInternet(folder: string, hosts: readonly HostOfInternet[]): Promise<Internet> {
  const authority = await createCertificateAuthority(join(folder, 'authority'));
  const upstreams = new Map<string, UpstreamRegistry>();
  const start = async ({ host, modules, ...options }: HostOfInternet) => {
    const tls = await authority.issue([host]);
    const upstream = await startUpstreamRegistry({ directory: join(folder, host), tls, ...options });
    upstreams.set(host, upstream);
    await upstream.publishMany(modules);
  };
  await Promise.all(hosts.map(start));
  const routes = [...upstreams].map(([host, { port }]) => [`${host}:443`, port] as const);
  const proxy = await startForwardProxy(Object.fromEntries(routes));
  const caFile = join(folder, 'authority.pem');
  await copyFile(authority.caFile, caFile);
  await chmod(caFile, 0o644);
  return {
    env: { HTTPS_PROXY: proxy.url, NO_PROXY: 'localhost,127.0.0.1', NODE_EXTRA_CA_CERTS: caFile },
    upstream(host) {
      const found = upstreams.get(host);
      if (found === undefined) throw new Error(`there is no ${host}`);
      return found;
    },
    hostsAsked: () => [...new Set(proxy.asked)].map((asked) => asked.replace('CONNECT ', '')).sort(),
    async close() {
      await proxy.close();
      await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
    },
  };
}

/** As far as a registry can tell, what `moon update` does: for machines without `moon`. */
export async function installMoonStandIn(file: string): Promise<void> {
  const lines = [
    '#!/bin/sh',
    'set -eu',
    'test "$*" = update',
    'rm -rf "$HOME/.moon/registry/index"',
    'git clone --quiet --depth 1 --single-branch --no-tags "$MOONCAKES_REGISTRY/git/index" "$HOME/.moon/registry/index"',
  ];
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o755 });
}
