import type { Config } from '../config/config.ts';
import { effectiveSettings, formatSetting } from '../config/effective-settings.ts';
import type { Log } from '../support/log.ts';

/** Whether a server is built with a setting: where its data are, the socket it listens on, its bounds. All others are read whenever they are needed. */
export function countsFromStart(key: string): boolean {
  return /^(?:registry\.data_dir|server\.(?:host|port|max_connections)|limits\..+)$/.test(key);
}

/** The settings, as `registry.toml` has them, of which `now` has another value than a server that began with `started` uses. */
export function findLateEdits(started: Config, now: Config): string[] {
  const used = effectiveSettings(started);
  return [...effectiveSettings(now)].flatMap(([key, value]) =>
    countsFromStart(key) && value !== used.get(key) ? [formatSetting(key, value)] : [],
  );
}

/** Tells a server's log of edits that will count, and do not yet; once each, and that they were taken back. */
export function createLateEditReport(log: Log, started: Config): (now: Config) => void {
  let told = '';
  const warned = new Set(started.warnings);
  return (now) => {
    for (const warning of now.warnings) {
      if (!warned.has(warning)) log.warn(warning);
      warned.add(warning);
    }
    const late = findLateEdits(started, now);
    if (late.join() === told) return;
    told = late.join();
    if (late.length > 0)
      log.warn(`registry.toml: these count when serve is started again: ${late.join(', ')}`);
    else log.info('registry.toml: no edit waits for another start of serve any more');
  };
}
