/** The process that is killed while it stages `company/core@1.1.0` and then approves it; says so of each when it is done. */
import { writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { Checksum } from '../../src/model/checksum.ts';
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
  const { publishing, staging } = registry;
  const upload = await publishing.receive(Readable.from([archiveOf('company/core@1.1.0')]));
  const request = {
    by: { token: 'ci', owner: 'ada' },
    judge: () => undefined,
    isDryRun: false,
    isStaged: true,
  };
  const staged = await publishing.publish(upload ? [upload] : [], request);
  say({ listing: { outcome: staged.kind } });
  const id = staged.kind === 'staged' ? staged.id : '';
  const approved = await staging.approve(id as Checksum, { kind: 'token', token: 'boss', owner: 'bob' });
  say({ listing: { outcome: approved.kind } });
  await registry.close();
} catch (error) {
  say({ bug: error instanceof Error ? error.stack : String(error) });
}
