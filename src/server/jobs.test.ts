import { describe, expect, test } from 'vitest';
import { createBackgroundReporter } from '../cli/background-reporter.ts';
import { createLateEditReport } from '../cli/late-edits.ts';
import { parseConfig } from '../config/load.ts';
import { ConfigError, StorageError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { MirrorReport } from '../registry/mirror/mirror-report.ts';
import type { Registry } from '../registry/registry.ts';
import type { SourceRefresh } from '../registry/sync/source-refresh.ts';
import type { SyncReport } from '../registry/sync/sync-report.ts';
import type { ScrubReport } from '../registry/upkeep/scrub.ts';
import { createDiskWatch, noDiskWatch } from '../support/disk/disk-watch.ts';
import { systemError } from '../support/disk/failing-disk.fixture.ts';
import { temporaryName } from '../support/disk/temporary-file.ts';
import { createBackground, oldestReading } from './jobs.ts';

const second = 1000;
const readable: SourceRefresh = { source: 'partner', outcome: 'fresh' };
const unreadable: SourceRefresh = { source: 'partner', outcome: 'stale', detail: 'connection refused' };

function syncReport(sources: readonly SourceRefresh[], findings: readonly Finding[] = []): SyncReport {
  return {
    at: '2026-01-01T00:00:00.000Z',
    dryRun: false,
    sources,
    changes: [],
    newlyHeld: [],
    heldBack: [],
    findings,
    views: [],
    modules: 0,
    commit: '0'.repeat(40),
    reRooted: false,
  };
}

const nothingMirrored: MirrorReport = {
  dryRun: false,
  refresh: [],
  sources: [],
  decided: [],
  undecided: [],
  skipped: [],
  unmatched: [],
  toDownload: [],
  blocked: [],
  failed: [],
  unsatisfied: [],
  findings: [],
  heldBack: [],
};

function configOf(text: string) {
  return parseConfig(text, { directory: '/registry' });
}

/** A clock, a registry that records what it is asked, and the background on top of both. */
function createScene(text = '', refreshedAt = Number.NEGATIVE_INFINITY, leavesItToFirst = false) {
  const calls: string[] = [];
  const lines: string[] = [];
  const scene = {
    calls,
    lines,
    now: 1_000_000,
    fingerprint: 'first',
    readings: 'first',
    forgotten: 0,
    troubles: [] as (string | undefined)[],
    config: configOf(text),
    sync: async (_signal?: AbortSignal): Promise<SyncReport> => syncReport([readable]),
    reload: async () => {
      scene.config = configOf(text);
      return true;
    },
    mirror: async (): Promise<MirrorReport> => nothingMirrored,
    scrubs: 0,
    disk: noDiskWatch,
    probes: [] as number[],
    probe: async (): Promise<void> => {},
    scrub: async (): Promise<ScrubReport> => ({ archives: 0, bytes: 0, damaged: 0, repaired: 0 }),
  };
  const asked: Pick<
    Registry,
    | 'config'
    | 'sync'
    | 'reload'
    | 'reaggregate'
    | 'mirror'
    | 'scrub'
    | 'forgetAbsences'
    | 'disk'
    | 'probeDisk'
  > = {
    get disk() {
      return scene.disk;
    },
    async probeDisk() {
      scene.probes.push(scene.now);
      return scene.probe();
    },
    get config() {
      return scene.config;
    },
    sync(options) {
      calls.push('sync');
      return scene.sync(options?.signal);
    },
    reload() {
      calls.push('reload');
      return scene.reload();
    },
    async reaggregate() {
      calls.push('reaggregate');
      return syncReport([]);
    },
    mirror({ patterns }) {
      calls.push(`mirror ${patterns.join(' ')}`);
      return scene.mirror();
    },
    forgetAbsences: () => void scene.forgotten++,
    async scrub() {
      scene.scrubs++;
      return scene.scrub();
    },
  };
  const record = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const log = { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') };
  const background = createBackground({
    registry: asked,
    log,
    reporter: createBackgroundReporter(log),
    reportLateEdits: createLateEditReport(log, scene.config),
    now: () => scene.now,
    readFingerprint: () => scene.fingerprint,
    readReadings: () => scene.readings,
    refreshedAt,
    date: () => new Date(scene.now),
    onTrouble: (trouble) => scene.troubles.push(trouble?.since),
    leavesItToFirst,
  });
  const pass = async (seconds: number) => {
    for (let tick = 0; tick < seconds; tick++) {
      scene.now += second;
      background.tick();
      await background.idle();
    }
  };
  return { ...scene, scene, background, pass };
}

describe('refreshing', () => {
  test('that fails for a reason of our own is told once, with when it last worked, and when it works again', async () => {
    const { scene, background, pass } = createScene();
    background.tick();
    await background.idle();
    const works = scene.sync;
    const since = new Date(scene.now).toISOString();
    scene.sync = () => Promise.reject(new StorageError('no space'));
    await pass(180);
    expect(scene.troubles).toEqual([since]);
    scene.sync = works;
    await pass(60);
    expect(scene.troubles).toEqual([since, undefined]);
  });

  test('that ends with the server is no failure', async () => {
    const { scene, background } = createScene();
    scene.sync = (signal) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    background.tick();
    await background.stop();
    expect(scene.troubles).toEqual([]);
  });

  test('an index that was never read is read at once, and then every interval', async () => {
    const { calls, background, pass } = createScene();
    background.tick();
    await background.idle();
    expect(calls).toEqual(['sync']);
    await pass(59);
    expect(calls).toEqual(['sync']);
    await pass(1);
    expect(calls).toEqual(['sync', 'sync']);
  });

  test.each([false, true])(
    'what sources did not have is asked for again when any process has read them; left to the first: %s',
    async (leavesItToFirst) => {
      const { scene, pass } = createScene('', 1_000_000, leavesItToFirst);
      await pass(3);
      expect(scene.forgotten).toBe(0);
      scene.readings = 'second';
      await pass(3);
      expect(scene.forgotten).toBe(1);
    },
  );

  test('an index read a while ago is read when the interval is over', async () => {
    const { calls, pass } = createScene('', 1_000_000 - 50 * second);
    await pass(9);
    expect(calls).toEqual([]);
    await pass(1);
    expect(calls).toEqual(['sync']);
  });

  test('a slow refresh is not started a second time', async () => {
    const { calls, scene, background } = createScene('[server]\nrefresh_interval = "1s"');
    let finish = (_report: SyncReport) => {};
    scene.sync = () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    for (let tick = 0; tick < 5; tick++) {
      scene.now += second;
      background.tick();
    }
    expect(calls).toEqual(['sync']);
    finish(syncReport([readable]));
    await background.idle();
    background.tick();
    expect(calls).toEqual(['sync', 'sync']);
  });

  test('an outage is logged when it begins and when it ends, not each minute', async () => {
    const { lines, scene, pass } = createScene('[server]\nrefresh_interval = "1s"');
    scene.sync = async () => syncReport([unreadable]);
    await pass(5);
    expect(lines).toEqual(['warn: source "partner" could not be read: connection refused']);
    scene.sync = async () => syncReport([readable]);
    await pass(5);
    expect(lines.slice(1)).toEqual(['info: source "partner" is readable again']);
  });

  test('our own failure is logged once, and never ends the loop', async () => {
    const { calls, lines, scene, pass } = createScene('[server]\nrefresh_interval = "1s"');
    scene.sync = async () => {
      throw new Error('disk full');
    };
    await pass(3);
    scene.sync = async () => syncReport([readable]);
    await pass(1);
    expect(calls).toHaveLength(4);
    expect(lines).toEqual(['error: refresh failed: unexpected: disk full', 'info: refresh works again']);
  });

  test('a change of the index is logged in one line', async () => {
    const { lines, scene, pass } = createScene('[server]\nrefresh_interval = "1s"');
    const module = 'a/b' as ModuleName;
    const change = {
      module,
      kind: 'added',
      origin: 'partner',
      versionsAdded: [],
      versionsRemoved: [],
    } as const;
    scene.sync = async () => ({ ...syncReport([readable]), modules: 7, changes: [change] });
    await pass(1);
    expect(lines).toEqual(['info: the index changed: 7 modules (1 added)']);
  });

  test('so is one whose words are never the same, and two that take turns', async () => {
    const { lines, scene, pass } = createScene('[server]\nrefresh_interval = "1s"');
    let runs = 0;
    scene.sync = async () => {
      runs++;
      if (runs % 2 === 0) throw new StorageError('cannot write /srv/x: EIO');
      throw systemError('ENOENT', 'open', temporaryName('/srv/data/locks/registry'));
    };
    await pass(6);
    expect(runs).toBe(6);
    expect(lines).toHaveLength(2);
  });

  test('a conflict is logged once', async () => {
    const { lines, scene, pass } = createScene('[server]\nrefresh_interval = "1s"');
    const conflict: Finding = {
      kind: 'origin-conflict',
      module: 'a/b',
      source: 'partner',
      message: 'it moved',
    };
    scene.sync = async () => syncReport([readable], [conflict]);
    await pass(3);
    expect(lines).toEqual(['warn: origin-conflict a/b (partner): it moved']);
  });
});

describe('registry.toml', () => {
  test('a change is loaded, aggregated and followed by a refresh, whatever the interval', async () => {
    const { calls, scene, pass } = createScene('', 1_000_000);
    await pass(1);
    expect(calls).toEqual([]);
    scene.fingerprint = 'second';
    await pass(2);
    expect(calls).toEqual(['reload', 'reaggregate', 'sync']);
  });

  test('a change that work under way has loaded already is followed all the same', async () => {
    const { calls, scene, pass } = createScene('', 1_000_000);
    scene.config = configOf('');
    scene.reload = async () => false;
    scene.fingerprint = 'second';
    await pass(2);
    expect(calls).toEqual(['reload', 'reaggregate', 'sync']);
  });

  test('a changed interval counts at once', async () => {
    const { calls, scene, pass } = createScene('', 1_000_000);
    await pass(5);
    scene.config = configOf('[server]\nrefresh_interval = "2s"');
    await pass(1);
    expect(calls).toEqual(['sync']);
  });

  test('a bad edit is logged once with its problems, and mending it is logged too', async () => {
    const { calls, lines, scene, pass } = createScene('', 1_000_000);
    const { reload } = scene;
    scene.reload = async () => {
      throw new ConfigError('registry.toml has a problem', [
        { path: 'server.port', line: 2, column: 8, message: 'expected an integer' },
      ]);
    };
    scene.fingerprint = 'bad';
    await pass(3);
    expect(calls).toEqual(['reload']);
    expect(lines).toEqual([
      'error: reload failed: registry.toml has a problem; registry.toml:2:8: server.port: expected an integer; the old settings stay in use',
    ]);
    scene.reload = reload;
    scene.fingerprint = 'good';
    await pass(1);
    expect(lines.slice(1)).toEqual([
      'info: registry.toml changed and was loaded',
      'info: reload works again',
    ]);
  });
});

describe('auto_sync', () => {
  const autoSync = '[mirror]\npackages = ["a/*"]\nauto_sync = true\nsync_interval = "3s"';

  test('mirrors the configured packages at once, and then every interval', async () => {
    const { calls, pass } = createScene(autoSync, 1_000_000);
    await pass(7);
    expect(calls).toEqual(['mirror ', 'mirror ', 'mirror ']);
  });

  test('does nothing while it is off, or without packages', async () => {
    for (const text of ['[mirror]\npackages = ["a/*"]', '[mirror]\nauto_sync = true']) {
      const { calls, pass } = createScene(text, 1_000_000);
      await pass(3);
      expect(calls).toEqual([]);
    }
  });

  test('says what it downloaded, and nothing while nothing changes', async () => {
    const { lines, scene, pass } = createScene(autoSync, 1_000_000);
    scene.mirror = async () => ({
      ...nothingMirrored,
      sources: [
        { source: 'partner', modules: 1, versions: 2, downloaded: 2, present: 0, failed: 0, bytes: 10 },
      ],
    });
    await pass(1);
    scene.mirror = async () => nothingMirrored;
    await pass(9);
    expect(lines).toEqual(['info: auto_sync: 2 archives downloaded, 0 missing']);
  });
});

test('stopping aborts what runs, says nothing about it, and starts nothing more', async () => {
  const { calls, lines, scene, background } = createScene();
  scene.sync = (signal) =>
    new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  background.tick();
  await background.stop();
  scene.now += 3600 * second;
  background.tick();
  expect(calls).toEqual(['sync']);
  expect(lines).toEqual([]);
});

test('the oldest reading decides how old the index is', () => {
  const early = '2026-01-01T00:00:00.000Z';
  const late = '2026-01-02T00:00:00.000Z';
  const reading = (readAt: string | undefined) => ({ readAt });
  expect(oldestReading([reading(late), reading(early)])).toBe(Date.parse(early));
  expect(oldestReading([reading(early), reading(undefined)])).toBe(Number.NEGATIVE_INFINITY);
  expect(oldestReading([])).toBe(Number.NEGATIVE_INFINITY);
});

test('a module name in a finding cannot move the cursor', async () => {
  const { lines, scene, pass } = createScene('[server]\nrefresh_interval = "1s"');
  const module = 'a/\u001b[2J' as ModuleName;
  scene.sync = async () =>
    syncReport([], [{ kind: 'look-alike', module, source: 'partner', message: 'nobody can say' }]);
  await pass(1);
  expect(lines).toEqual(['warn: look-alike a/\\u001b[2J (partner): nobody can say']);
});

test('names that begin to wait are one line, however many they become, and one when none waits any more', async () => {
  const { lines, scene, pass } = createScene('[server]\nrefresh_interval = "1s"');
  const source = {
    source: 'partner',
    failureClass: 'connection',
    failure: 'refused',
    claims: false,
  } as const;
  const group = { kind: 'new', owners: [], examples: [], waitsFor: [source], since: '' } as const;
  scene.sync = async () => ({ ...syncReport([]), heldBack: [{ ...group, names: 1587 }] });
  await pass(1);
  scene.sync = async () => ({ ...syncReport([]), heldBack: [{ ...group, names: 1588 }] });
  await pass(1);
  scene.sync = async () => syncReport([]);
  await pass(2);
  expect(lines).toEqual([
    'warn: 1,587 new names are held back until source "partner" is read: refused (moonbit-registry status)',
    'info: no names are held back any more',
  ]);
});

test('what a view lacks is logged once, and again when it is something else', async () => {
  const { lines, scene, pass } = createScene('[server]\nrefresh_interval = "1s"');
  const lacking = (module: string) => async () => ({
    ...syncReport([]),
    views: [{ name: 'partner', modules: 2, withheld: [{ module, neededBy: 'company/api' }] }],
  });
  scene.sync = lacking('company/log');
  await pass(2);
  scene.sync = lacking('company/x');
  await pass(1);
  expect(lines).toEqual(
    ['company/log', 'company/x'].map((module) =>
      expect.stringContaining(
        `View "partner" does not show 1 module that its own need: ${module} (company/api)`,
      ),
    ),
  );
});

test('archives are read again a minute after the start, then as often as set, and soon after a failure', async () => {
  const { lines, scene, pass } = createScene('[server]\nscrub_interval = "5m"', 1e12);
  await pass(59);
  expect(scene.scrubs).toBe(0);
  scene.scrub = () => Promise.reject(new Error('too many open files'));
  await pass(1);
  expect(scene.scrubs).toBe(1);
  expect(lines.at(-1)).toContain('scrub failed: unexpected: too many open files');
  scene.scrub = async () => ({ archives: 1, bytes: 1, damaged: 0, repaired: 0 });
  await pass(60);
  expect(scene.scrubs).toBe(2);
  await pass(299);
  expect(scene.scrubs).toBe(2);
  await pass(1);
  expect(scene.scrubs).toBe(3);
});

test('an edited interval of reading archives again counts at once', async () => {
  const { scene, pass } = createScene('[server]\nscrub_interval = "24h"', 1e12);
  await pass(60);
  expect(scene.scrubs).toBe(1);
  scene.config = configOf('[server]\nscrub_interval = "5m"');
  await pass(300);
  expect(scene.scrubs).toBe(2);
});

test('an edit that counts from the next start is told where the file was loaded', async () => {
  const { lines, scene, pass } = createScene();
  scene.fingerprint = 'second';
  scene.reload = async () => {
    scene.config = configOf('[server]\nport = 9090');
    return true;
  };
  await pass(1);
  expect(lines).toContain('warn: registry.toml: these count when serve is started again: server.port = 9090');
});

describe('a disk that takes nothing new', () => {
  const full = new StorageError('cannot lock x: ENOSPC', { cause: systemError('ENOSPC') });

  function createRefusingScene(leavesItToFirst = false) {
    const lines: string[] = [];
    const { scene, calls, pass } = createScene('', Number.NEGATIVE_INFINITY, leavesItToFirst);
    const record = (message: string) => void lines.push(message);
    const log = { debug: record, info: record, warn: record, error: record };
    scene.disk = createDiskWatch(log, { now: () => scene.now });
    scene.probe = () => Promise.reject(full);
    scene.sync = () => Promise.reject(full);
    return { scene, calls, pass, lines };
  }

  test('is told once, tried less and less often without asking the sources, and refreshed when it takes something', async () => {
    const { scene, calls, pass, lines } = createRefusingScene();
    const works = createScene().scene.sync;
    await pass(50);
    const syncs = () => calls.filter((call) => call === 'sync').length;
    expect(syncs()).toBe(1);
    expect(lines).toEqual([expect.stringContaining('the disk takes nothing new')]);
    expect(scene.troubles.length).toBe(1);
    const pauses = scene.probes.slice(1).map((at, i) => at - (scene.probes[i] ?? 0));
    expect(pauses.length).toBeGreaterThan(0);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    scene.probe = async () => {};
    scene.sync = works;
    await pass(60);
    expect(lines.slice(1)).toEqual(['the disk takes what is new again']);
    expect(scene.troubles.at(-1)).toBeUndefined();
  });

  test('is tried by each process of a server for itself', async () => {
    const { scene, pass } = createRefusingScene(true);
    scene.disk.refused(full);
    await pass(30);
    expect(scene.disk.isRefusing).toBe(true);
    scene.probe = async () => {};
    await pass(60);
    expect(scene.disk.isRefusing).toBe(false);
  });
});
