/** The process that is killed while it publishes `company/tool@1.1.0`; says so when it is published. */
import { writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { openRegistry } from '../../src/registry/open.ts';
import { tester } from '../support/actor.ts';
import { archiveOf } from '../support/publisher.ts';

const say = (line: object) => void writeSync(1, `${JSON.stringify(line)}\n`);
declare global {
  var beginFaults: () => void;
}

const [directory = ''] = process.argv.slice(2);
try {
  globalThis.beginFaults();
  const registry = await openRegistry({ directory, env: {}, actor: tester });
  const { publishing } = registry;
  const upload = await publishing.receive(Readable.from([archiveOf('company/tool@1.1.0')]));
  const by = { token: 'ci', owner: 'ada' };
  const outcome = await publishing.publish(upload ? [upload] : [], {
    by,
    judge: () => undefined,
    isDryRun: false,
    isStaged: false,
  });
  say({ listing: { outcome: outcome.kind } });
  await registry.close();
} catch (error) {
  say({ bug: error instanceof Error ? error.stack : String(error) });
}
