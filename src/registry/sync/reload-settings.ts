import type { Config } from '../../config/config.ts';
import { createComplaints } from '../../support/flow/complaints.ts';
import type { Log } from '../../support/log.ts';
import type { Audit } from '../record/audit.ts';
import { describeConfigChanges } from './config-changes.ts';
import type { createConfiguration } from './configuration.ts';

export interface ReloadingContext {
  readonly configuration: Awaited<ReturnType<typeof createConfiguration>>;
  readonly audit: Audit;
  readonly log: Log;
  /** One of several workers but the first, which writes into the audit what was edited. */
  readonly leavesItToFirst: boolean;
  /** Somebody else tells people of a file that does not load, as soon as it is edited. */
  readonly isToldElsewhere: boolean;
}

/** Loads edited settings while the registry is open. */
export function createReloading(context: ReloadingContext) {
  const { configuration, audit, log } = context;
  const complaints = createComplaints();

  async function reload(): Promise<boolean> {
    const before = configuration.current();
    if (!(await configuration.reload())) return false;
    const changes = describeConfigChanges(before, configuration.current());
    if (!context.leavesItToFirst) await audit.record([{ event: 'config-reloaded', changes }]);
    return true;
  }

  /** Once, however often work begins before the file is mended. */
  function complain(error: unknown): void {
    if (!context.isToldElsewhere && complaints.isNew('reload', error))
      log.warn('registry.toml was not reloaded', { error: String(error) });
  }

  return {
    reload,
    /** As the file says now; as it was, where it does not load. */
    async currentConfig(): Promise<Config> {
      await reload().then(() => complaints.isWell('reload'), complain);
      return configuration.current();
    },
  };
}
