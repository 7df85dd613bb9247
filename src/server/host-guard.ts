import type { Config } from '../config/config.ts';
import { type Guard, problem } from '../http/answer.ts';
import type { Settings } from '../registry/registry.ts';
import type { Log } from '../support/log.ts';
import { type AllowedHosts, allowedHosts, judgeHost, type Listening } from './allowed-hosts.ts';

export interface HostGuardOptions {
  readonly registry: Pick<Settings, 'config'>;
  /** Asked while it listens. */
  readonly listening: () => Listening;
  readonly log: Log;
  /** Milliseconds since any moment. */
  readonly now: () => number;
}

/** Refuses whoever asks for another host than ours. Edits of the settings count at once. */
export function createHostGuard({ registry, listening, log, now }: HostGuardOptions): Guard {
  const report = createHostReport(log, now);
  let known: { readonly config: Config; readonly allowed: AllowedHosts } | undefined;

  function allowedNow(): AllowedHosts {
    const { config } = registry;
    if (known?.config === config) return known.allowed;
    const allowed = allowedHosts(config.server, listening());
    known = { config, allowed };
    return allowed;
  }

  return (request) => {
    const allowed = allowedNow();
    const verdict = judgeHost(allowed, request);
    switch (verdict.kind) {
      case 'allowed':
        return undefined;
      case 'malformed':
        return problem('malformed', verdict.reason);
      case 'refused':
        report(verdict.host, allowed);
        return problem(
          'other-host',
          `This registry does not answer for the host "${verdict.host.slice(0, shownCharacters)}".`,
          {
            hint: 'use the address its operator gave you; other names are for its setting server.allowed_hosts',
          },
        );
    }
  };
}

const shownCharacters = 100;
const sayAgainAfterMs = 10_000;
const hostsAtOnce = 20;

/** One line for a host in ten seconds, and for so many hosts: a flood of names is told by its number. */
function createHostReport(log: Log, now: () => number) {
  const said = new Set<string>();
  let begunAt = Number.NEGATIVE_INFINITY;
  let others = 0;
  return (host: string, allowed: AllowedHosts) => {
    if (now() - begunAt >= sayAgainAfterMs) {
      if (others > 0) log.info('requests for still other hosts were refused', { requests: others });
      begunAt = now();
      others = 0;
      said.clear();
    }
    if (said.has(host)) return;
    if (said.size >= hostsAtOnce) {
      others++;
      return;
    }
    said.add(host);
    log.warn('request refused: this server does not answer for that host (server.allowed_hosts)', {
      host: host.slice(0, shownCharacters),
      allowed: allowed.kind === 'these' ? [...allowed.names].slice(0, hostsAtOnce) : undefined,
    });
  };
}
