#!/usr/bin/env node
// Built for a Node of any age, and loads the program only where it can run: everything else would be a syntax error
// or a missing function to whoever has the wrong one.
import { runtimeProblem } from './support/runtime.ts';

const problem = runtimeProblem(process.versions.node, process.platform);
if (problem === undefined) {
  void import('./start.ts');
} else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
}
