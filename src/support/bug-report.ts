import { programVersion } from './version.ts';

/** What to send along about a bug of ours, said wherever one shows; docs/operations.md, "Exit codes", says the same. */
export const bugAdvice =
  'this is a bug in moonbit-registry, not in what you did: to report it where you have the program from, send along ' +
  'the command, this output with -v, what `git --version` prints, and that it is ' +
  `moonbit-registry ${programVersion} on Node.js ${process.versions.node}, ${process.platform} ${process.arch}`;
