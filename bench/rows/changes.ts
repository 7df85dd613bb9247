import { join } from 'node:path';
import { run } from '../support/process.ts';
import { createOurRegistry, createSyncedRegistry } from '../support/registry.ts';
import type { Bar, Bench, Contender, Scenario } from '../support/scenario.ts';
import { startUpstream } from '../support/upstream.ts';

export const nothing: Scenario = {
  name: 'nothing',
  title: 'nothing to do',
  async prepare(bench) {
    const world = await bench.worlds.usual();
    const upstream = await startUpstream(bench, world);
    const registry = await createOurRegistry(bench, upstream);
    await registry.command('mirror', '--full');
    const command = (...words: string[]): Contender => ({
      name: `ours, ${words.join(' ')}`,
      async round() {
        const { seconds } = await registry.command(...words);
        return { seconds };
      },
    });
    const bare = 'git ls-remote';
    return {
      contenders: [
        command('sync'),
        command('mirror', '--full'),
        {
          name: bare,
          async round() {
            const { seconds } = await run('git', ['ls-remote', upstream.indexUrl]);
            return { seconds };
          },
        },
      ],
      bars: [
        { metric: 'seconds', of: 'ours, sync', against: bare, atMost: 3 },
        { metric: 'seconds', of: 'ours, mirror --full', against: bare, atMost: 3 },
      ],
      notes: [`one source; ${world.archives.length} archives are there`],
    };
  },
};

export const publish: Scenario = {
  name: 'publish',
  title: 'one module published upstream → served here',
  async prepare(bench) {
    const contenders: Contender[] = [];
    const { smallScale, largeScale } = bench.size;
    for (const scale of [smallScale, largeScale]) contenders.push(...(await prepareScale(bench, scale)));
    const bars: Bar[] = [smallScale, largeScale].map((scale) => ({
      metric: 'seconds',
      of: `ours at ${scale} ×`,
      against: `git pull at ${scale} ×`,
    }));
    return {
      contenders,
      bars: [
        {
          metric: 'seconds',
          of: `ours at ${largeScale} ×`,
          against: `ours at ${smallScale} ×`,
          atMost: 2,
        },
        ...bars,
      ],
      notes: ['ours: the command sync, from its start to its end; git pull in a full clone of the source'],
    };
  },
};

async function prepareScale(bench: Bench, scale: number): Promise<Contender[]> {
  const world = await bench.worlds.scaled(scale);
  const upstream = await startUpstream(bench, world, `upstream-${scale}`);
  const registry = await createSyncedRegistry(bench, upstream, world, `ours-${scale}`);
  const clone = join(bench.directory, `clone-${scale}`);
  await run('git', ['clone', '--quiet', upstream.indexUrl, clone]);
  const module = 'moonbitlang/just-published';
  let patch = 0;
  return [
    {
      name: `ours at ${scale} ×`,
      async round() {
        const version = `1.0.${patch++}`;
        await upstream.publish(module, version);
        const { seconds } = await registry.command('sync');
        if (!(await registry.servedFile(module)).includes(`"${version}"`))
          throw new Error(`${module}@${version} is not served`);
        return { seconds };
      },
    },
    {
      name: `git pull at ${scale} ×`,
      async round() {
        const commit = await upstream.publish(module, `1.0.${patch++}`);
        const { seconds } = await run('git', ['-C', clone, 'pull', '--quiet', 'origin', 'main']);
        const head = (await run('git', ['-C', clone, 'rev-parse', 'HEAD'])).stdout.trim();
        if (head !== commit) throw new Error(`git pull is at ${head}, not ${commit}`);
        return { seconds };
      },
    },
  ];
}
