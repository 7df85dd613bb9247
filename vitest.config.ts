import { configDefaults, defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';
import { findMemoryPlace } from './test/support/memory-place.ts';

// Unless somebody says where: `TMPDIR=/somewhere npm test`.
const temporary = process.env.TMPDIR ?? findMemoryPlace();

export default defineConfig({
  define: { __VERSION__: JSON.stringify('0.0.0-test') },
  test: {
    // A run of its own in CI: it starts dozens of servers and measures nothing.
    exclude: [...configDefaults.exclude, ...(process.env.BENCH_SMOKE ? [] : ['test/bench-smoke.test.ts'])],
    env: temporary === undefined ? {} : { TMPDIR: temporary },
    setupFiles: ['test/support/no-network.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Many tests wait for processes they started, so two more than the processors of the smallest machine.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    projects: [
      // What they share is made for each test: a process for each file would mostly load what the last one had loaded.
      // Nothing that a test replaced outlives it.
      {
        extends: true,
        test: {
          name: 'src',
          include: ['src/**/*.test.ts'],
          isolate: false,
          restoreMocks: true,
          unstubEnvs: true,
          unstubGlobals: true,
        },
      },
      { extends: true, test: { name: 'test', include: ['test/**/*.test.ts'] } },
    ],
  },
});
