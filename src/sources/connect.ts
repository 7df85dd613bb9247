import { join } from 'node:path';
import type { SourceConfig } from '../config/config.ts';
import { createHttpClient, type HttpClientOptions } from '../support/fetch-http.ts';
import type { GitTimeouts } from './git-context.ts';
import { createGitSource } from './git-source.ts';
import type { Source } from './source.ts';
import { userAgent } from './user-agent.ts';

export interface ConnectOptions {
  /** Absolute path of the object store that all snapshots go to. */
  readonly objectDirectory: string;
  /** Absolute path of a folder in which each source gets one of its own. */
  readonly workDirectory: string;
  readonly http?: Omit<HttpClientOptions, 'userAgent'> | undefined;
  readonly gitTimeouts?: Partial<GitTimeouts> | undefined;
}

export interface ConnectedSources {
  /** By name, in the order of `configs`; disabled ones too. */
  readonly sources: ReadonlyMap<string, Source>;
  /** Aborts what is running and closes every connection. */
  close(): Promise<void>;
}

/** All configured sources over one pool of connections. Nobody is contacted yet. */
export function connectSources(configs: readonly SourceConfig[], options: ConnectOptions): ConnectedSources {
  const http = createHttpClient({ userAgent, ...options.http });
  const sources = new Map(
    configs.map((config) => [
      config.name,
      createGitSource(config, {
        objectDirectory: options.objectDirectory,
        gitDirectory: join(options.workDirectory, config.name),
        http,
        timeouts: options.gitTimeouts,
      }),
    ]),
  );
  return {
    sources,
    close: async () => {
      await Promise.all([...sources.values()].map((source) => source.close()));
      await http.close();
    },
  };
}
