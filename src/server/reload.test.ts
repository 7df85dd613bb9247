/** What SIGHUP asks of a running server. */
import { expect, test } from 'vitest';
import { createBackgroundReporter } from '../cli/background-reporter.ts';
import { createLateEditReport } from '../cli/late-edits.ts';
import { parseConfig } from '../config/load.ts';
import { ConfigError } from '../errors.ts';
import { noDiskWatch } from '../support/disk/disk-watch.ts';
import { createBackground } from './jobs.ts';

const configOf = (text: string) => parseConfig(text, { directory: '/registry' });
const never = () => new Promise<never>(() => {});

function createScene(leavesItToFirst = false) {
  const lines: string[] = [];
  const scene = { config: configOf(''), next: configOf(''), calls: 0, fails: false, lines, fingerprint: '' };
  const record = (level: string) => (message: string, fields?: object) =>
    void lines.push([level, message, ...(fields ? [JSON.stringify(fields)] : [])].join(' '));
  const log = { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') };
  const background = createBackground({
    registry: {
      get config() {
        return scene.config;
      },
      async reload() {
        scene.calls++;
        if (scene.fails) throw new ConfigError('registry.toml has a problem');
        scene.config = scene.next;
        return true;
      },
      reaggregate: never,
      sync: never,
      mirror: never,
      scrub: never,
      forgetAbsences: () => {},
      disk: noDiskWatch,
      probeDisk: never,
    },
    log,
    reporter: createBackgroundReporter(log),
    reportLateEdits: createLateEditReport(log, scene.config),
    now: () => 0,
    readFingerprint: () => scene.fingerprint,
    readReadings: () => '',
    refreshedAt: 0,
    date: () => new Date(0),
    leavesItToFirst,
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { scene, background, lines, settle };
}

test('registry.toml is read at once, and what it changes is told', async () => {
  const { scene, background, lines, settle } = createScene();
  scene.next = configOf('[server]\nrefresh_interval = "90s"\n');
  background.reload();
  await settle();
  expect(lines).toEqual([
    'info registry.toml changed and was loaded {"changes":"server.refresh_interval = \\"90s\\" (was \\"60s\\")"}',
  ]);
});

test('that nothing has changed is told, once for each time it was asked', async () => {
  const { scene, background, lines, settle } = createScene();
  scene.next = scene.config;
  background.reload();
  background.reload();
  await settle();
  expect(lines).toEqual(Array(2).fill('info registry.toml was read again: nothing has changed'));
});

test('that it does not load is told each time, and the old settings stay', async () => {
  const { scene, background, lines, settle } = createScene();
  scene.fails = true;
  for (let time = 0; time < 2; time++) {
    background.reload();
    await settle();
  }
  expect(lines).toEqual(
    Array(2).fill('error reload failed: registry.toml has a problem; the old settings stay in use'),
  );
});

test('a worker reads it and leaves the telling to the process that started it', async () => {
  const { scene, background, lines, settle } = createScene(true);
  background.reload();
  await settle();
  scene.fails = true;
  background.reload();
  await settle();
  scene.fails = false;
  background.reload();
  await settle();
  expect({ calls: scene.calls, lines }).toEqual({ calls: 3, lines: [] });
});

test('a server that is stopping reads nothing more', async () => {
  const { scene, background, settle } = createScene();
  await background.stop();
  background.reload();
  await settle();
  expect(scene.calls).toBe(0);
});
