import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { observeReadings, readObservations, writeObservations } from './observations.ts';
import type { SourceRefresh } from './source-refresh.ts';

const times = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z', '2026-01-03T00:00:00.000Z'] as const;

async function record(file: string, refresh: SourceRefresh, time = ''): Promise<void> {
  await writeObservations(file, observeReadings(await readObservations(file), [refresh], time));
}

/** What is observed after these refreshes of one source, a day apart. */
async function observe(...refreshes: readonly Omit<SourceRefresh, 'source'>[]) {
  const file = join(temporaryDirectory(), 'observations.json');
  for (const [day, refresh] of refreshes.entries())
    await record(file, { source: 's', ...refresh }, times[day]);
  return (await readObservations(file)).s;
}

describe('what was observed of a source', () => {
  test('is when it was read, and when it was tried', async () => {
    expect(await observe({ outcome: 'fresh', commit: 'a' })).toMatchObject({
      readAt: times[0],
      triedAt: times[0],
    });
    expect(
      await observe({ outcome: 'fresh', commit: 'a' }, { outcome: 'unchanged', commit: 'a' }),
    ).toMatchObject({
      readAt: times[1],
      triedAt: times[1],
    });
  });

  test('is why it could not be read, while it still says when it last could', async () => {
    const failed = { outcome: 'stale', detail: 'it timed out' } as const;
    expect(await observe({ outcome: 'fresh', commit: 'a' }, failed)).toMatchObject({
      readAt: times[0],
      triedAt: times[1],
      failure: 'it timed out',
    });
    expect(await observe({ outcome: 'never-read', detail: 'it refuses us' })).toMatchObject({
      triedAt: times[0],
      failure: 'it refuses us',
    });
  });

  test('has no failure any more once it was read again', async () => {
    const failed = { outcome: 'stale', detail: 'it timed out' } as const;
    const observed = await observe({ outcome: 'fresh', commit: 'a' }, failed, {
      outcome: 'unchanged',
      commit: 'a',
    });
    expect(observed).toMatchObject({ readAt: times[2], triedAt: times[2] });
    expect(observed?.failure).toBeUndefined();
  });

  test('outlives a sync of other sources', async () => {
    const file = join(temporaryDirectory(), 'observations.json');
    await record(file, { source: 'a', outcome: 'fresh', commit: 'x' }, times[0]);
    const before = await readObservations(file);
    await record(file, { source: 'b', outcome: 'fresh', commit: 'y' }, times[1]);
    const after = await readObservations(file);
    expect(after.a).toEqual(before.a);
    expect(after.b).toMatchObject({ readAt: times[1] });
  });
});

describe('the file', () => {
  test.each([
    ['is missing', undefined],
    ['is empty', ''],
    ['was cut short', '{"s": {"triedAt": "2026'],
    ['is no object', 'null'],
    ['is a number', '1'],
  ])('counts as empty where it %s', async (_, content) => {
    const file = join(temporaryDirectory(), 'observations.json');
    if (content !== undefined) await writeFile(file, content);
    expect(await readObservations(file)).toEqual({});
  });

  test('that cannot be read is an error, not an empty one', async () => {
    const file = join(temporaryDirectory(), 'observations.json');
    await mkdir(file);
    await expect(readObservations(file)).rejects.toThrow(/EISDIR/);
  });

  test('is text that people can read', async () => {
    const file = join(temporaryDirectory(), 'observations.json');
    await record(file, { source: 'a', outcome: 'fresh', commit: 'x' }, times[0]);
    const lines = (await readFile(file, 'utf8')).split('\n');
    expect([lines[0], lines[1], lines.at(-2), lines.at(-1)]).toEqual(['{', '  "a": {', '}', '']);
  });
});
