import { expect, test } from 'vitest';
import { type LogEntry, logTo } from '../../test/support/log-entries.ts';
import { StorageError } from '../errors.ts';
import { createDataWatch, hasTrouble } from './data-watch.ts';

/** A watch of data that are as the test says, at a time that it says. */
function createScene() {
  const log: LogEntry[] = [];
  const data = {
    files: 'one',
    index: undefined as StorageError | undefined,
    archives: undefined as StorageError | undefined,
    probes: 0,
    /** After it was found damaged once. */
    heals: false,
  };
  const scene = { clock: 0, probing: Promise.resolve() };
  const watch = createDataWatch({
    data: {
      fingerprint: async () => data.files,
      async probeIndex() {
        data.probes += 1;
        await scene.probing;
        const found = data.index;
        if (data.heals) data.index = undefined;
        return found;
      },
      probeArchives: async () => data.archives,
    },
    timeoutMs: 1000,
    log: logTo((entry) => log.push(entry)),
    now: () => scene.clock,
    date: () => new Date(Date.UTC(2026, 0, 1) + scene.clock),
    sleep: async () => {
      await new Promise((resolve) => setImmediate(resolve));
    },
  });
  return { watch, data, scene, log: () => log.map(({ level, message }) => `${level}: ${message}`) };
}

const damaged = new StorageError('the index in /srv is damaged: HEAD is missing', {
  hint: 'restore a backup',
});
const start = '2026-01-01T00:00:00.000Z';

test('the index is read once, and again when its files change', async () => {
  const { watch, data } = createScene();
  for (const files of ['one', 'one', 'two', 'two']) {
    data.files = files;
    expect(hasTrouble(await watch.look())).toBe(false);
  }
  expect(data.probes).toBe(2);
});

test('damage is told by whoever looks next and to the log once, until it is mended', async () => {
  const { watch, data, scene, log } = createScene();
  await watch.look();
  Object.assign(data, { files: 'two', index: damaged });
  expect(await watch.look()).toMatchObject({ index: { since: start } });
  scene.clock = 5000;
  Object.assign(data, { files: 'three' });
  expect(await watch.look()).toMatchObject({ index: { since: start } });
  expect(watch.glance()).toMatchObject({ index: { since: start } });
  Object.assign(data, { files: 'one', index: undefined });
  expect(hasTrouble(await watch.look())).toBe(false);
  expect(log()).toEqual([
    'error: the index cannot be served: clients are told to ask again',
    'info: the index can be served again',
  ]);
});

test('what was missed for a moment beside a sync is no damage', async () => {
  const { watch, data, log } = createScene();
  data.index = damaged;
  data.heals = true;
  expect(hasTrouble(await watch.look())).toBe(false);
  expect(data.probes).toBe(2);
  expect(log()).toEqual([]);
});

test('a disk that is well again without a change of files is looked at again after a while, by clients alone', async () => {
  const { watch, data, scene } = createScene();
  data.index = damaged;
  await watch.look();
  data.index = undefined;
  await watch.look();
  expect(hasTrouble(watch.glance())).toBe(true);
  scene.clock = 11_000;
  watch.glance();
  await watch.look();
  expect(hasTrouble(watch.glance())).toBe(false);
});

test('a failure of a request has the index read again, however many there are', async () => {
  const { watch, data, scene } = createScene();
  await watch.look();
  data.index = damaged;
  expect(hasTrouble(await watch.look())).toBe(false);
  scene.clock = 2000;
  for (let request = 0; request < 50; request++) watch.suspect();
  expect(hasTrouble(await watch.look())).toBe(true);
  expect(data.probes).toBeLessThan(6);
});

test('whoever could not read it himself is believed until the next look', async () => {
  const { watch, log } = createScene();
  expect(watch.blame(damaged)).toMatchObject({ index: { since: start } });
  expect(hasTrouble(await watch.look())).toBe(false);
  expect(log()).toHaveLength(2);
});

test('nobody waits for a disk that does not answer', async () => {
  const { watch, scene, data } = createScene();
  let answer = () => {};
  scene.probing = new Promise((resolve) => {
    answer = resolve;
  });
  data.index = damaged;
  expect(hasTrouble(await watch.look())).toBe(false);
  answer();
  expect(hasTrouble(await watch.look())).toBe(true);
});

test('archives that cannot be read are told apart from ones that are not there', async () => {
  const { watch, data, log } = createScene();
  const cause = Object.assign(new Error('gone'), { code: 'ENOENT' });
  data.archives = new StorageError('cannot read /srv/packages', { cause });
  expect(await watch.look()).toMatchObject({ index: undefined, archives: { isMissing: true } });
  data.archives = new StorageError('cannot read /srv/packages', {
    cause: Object.assign(new Error(), { code: 'EACCES' }),
  });
  expect(await watch.look()).toMatchObject({ archives: { isMissing: false } });
  data.archives = undefined;
  expect(hasTrouble(await watch.look())).toBe(false);
  expect(log()).toHaveLength(2);
});
