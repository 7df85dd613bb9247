// Says which Node.js a clone needs, before anything else is read or run. In the syntax of an old one.
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(String(readFileSync(new URL('../package.json', import.meta.url))));
const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node).map(Number);
const [runningMajor, runningMinor] = process.versions.node.split('.').map(Number);
if (runningMajor < major || (runningMajor === major && runningMinor < minor)) {
  console.error(
    `error: moonbit-registry needs Node.js ${major}.${minor} or later, and this is ${process.versions.node}`,
  );
  console.error('hint: install a newer one from https://nodejs.org/en/download');
  process.exit(1);
}
