/** The process that is killed. Bundled by `start-child.ts`, started with `preload.mjs`; says what became of it. */
import { writeSync } from 'node:fs';
import { RegistryError } from '../../src/errors.ts';
import { runScenario } from './scenario.ts';

const say = (line: object) => void writeSync(1, `${JSON.stringify(line)}\n`);
declare global {
  var beginFaults: () => void;
}

const [directory = ''] = process.argv.slice(2);
try {
  globalThis.beginFaults();
  await runScenario(directory, (listing) => say({ listing }));
} catch (error) {
  if (error instanceof RegistryError)
    say({ failure: { code: error.code, message: error.message, hint: error.hint } });
  else say({ bug: error instanceof Error ? error.stack : String(error) });
}
