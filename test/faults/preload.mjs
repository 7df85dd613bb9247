// Counts everything by which a process changes its disk, and at the chosen step kills the process or fails the step.
// FAULT_AT: number of the step, from 1. FAULT_HOW: before, half, after, during, orphan, prepared, committed, or an
// error code such as ENOSPC. FAULT_LOG: a file that gets the name of each step.
import childProcess from 'node:child_process';
import { EventEmitter } from 'node:events';
import fs, { appendFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

const { FAULT_AT, FAULT_HOW = 'before', FAULT_LOG, FAULT_HOOKS = '', FAULT_STICKS } = process.env;
const at = Number(FAULT_AT ?? 0);
const isCode = /^E[A-Z]+$/.test(FAULT_HOW);
let steps = 0;
// What loads the program is not what is looked at.
let hasBegun = false;
globalThis.beginFaults = () => {
  hasBegun = true;
};

const unnamed = { EDQUOT: -122, ESTALE: -116 };
const die = () => process.kill(process.pid, 'SIGKILL');

function count(name) {
  if (!hasBegun) return false;
  steps++;
  if (FAULT_LOG) appendFileSync(FAULT_LOG, `${name}\n`);
  // A full disk stays full: with FAULT_STICKS every later step fails, too.
  return steps === at || (FAULT_STICKS !== undefined && at > 0 && steps > at);
}

function refuse(name) {
  // As Node.js 20 tells of what it has no name for.
  const errno = unnamed[FAULT_HOW];
  const facts = errno === undefined ? { code: FAULT_HOW } : { code: `Unknown system error ${errno}`, errno };
  return Object.assign(new Error(`${FAULT_HOW}: ${name}`), { ...facts, syscall: name });
}

function guard(name, work, half) {
  return async function guarded(...args) {
    if (!count(name)) return work.apply(this, args);
    if (isCode) {
      if (half) await half.apply(this, args);
      throw refuse(name);
    }
    if (FAULT_HOW === 'before') die();
    if (FAULT_HOW === 'half' && half) {
      await half.apply(this, args);
      die();
    }
    return work.apply(this, args).finally(die);
  };
}

const { promises } = fs;
const halfOf = (data) =>
  typeof data === 'string' ? data.slice(0, data.length / 2) : data.subarray(0, data.length / 2);
const writes = new Set(['w', 'wx', 'a', 'ax', 'r+', 'w+']);
const realOpen = promises.open;
const guardedOpen = guard('open', realOpen);
const opened = await realOpen(process.execPath, 'r');
const handle = Object.getPrototypeOf(opened);
await opened.close();

for (const name of ['rename', 'link', 'rm', 'unlink', 'mkdir', 'mkdtemp', 'chmod', 'utimes'])
  promises[name] = guard(name, promises[name]);
const realWriteFile = promises.writeFile;
promises.writeFile = guard('writeFile', realWriteFile, (file, data, ...rest) =>
  realWriteFile(file, halfOf(data), ...rest),
);
// Files that are only read fail as well, but there is nothing to be killed at.
promises.open = (file, flags = 'r', ...rest) =>
  writes.has(flags) || isCode ? guardedOpen(file, flags, ...rest) : realOpen(file, flags, ...rest);
if (isCode) {
  for (const name of ['readFile', 'readdir', 'stat']) promises[name] = guard(name, promises[name]);
  const realOpenToRead = fs.open;
  fs.open = (file, ...rest) => {
    if (!count('open')) return realOpenToRead(file, ...rest);
    queueMicrotask(() => rest.at(-1)(refuse('open')));
  };
}
for (const name of ['appendFile', 'writeFile', 'write']) {
  const real = handle[name];
  handle[name] = guard(`handle.${name}`, real, function half(data, ...rest) {
    return real.call(this, halfOf(data), ...rest);
  });
}
for (const name of ['sync', 'datasync']) handle[name] = guard(`handle.${name}`, handle[name]);

const realSpawn = childProcess.spawn;
childProcess.spawn = (command, args, options) => {
  if (command !== 'git') return realSpawn(command, args, options);
  const verb = args.find((word) => /^[a-z]/.test(word) && !word.includes('/')) ?? '';
  if (!count(`git ${verb}`)) return realSpawn(command, args, options);
  if (isCode) return refuseToSpawn(command, args, options);
  const movesRefs = verb === 'update-ref' || verb === 'fast-import';
  const isHook = FAULT_HOW === 'prepared' || FAULT_HOW === 'committed';
  if (FAULT_HOW === 'before' || (isHook && !movesRefs)) die();
  const child = realSpawn(command, args, { ...options, env: withHook(options?.env ?? process.env) });
  if (FAULT_HOW === 'after' && verb !== 'cat-file') child.prependListener('close', die);
  else if (FAULT_HOW === 'during')
    setTimeout(
      () => {
        child.kill('SIGKILL');
        die();
      },
      (steps * 7) % 10,
    );
  else if (!isHook) setImmediate(die);
  return child;
};

/** As Node.js does it where there are no descriptors left: a child without streams, which says so soon. */
function refuseToSpawn(command, args, options) {
  if (FAULT_HOW !== 'EMFILE') return realSpawn(command, args, options);
  const child = new EventEmitter();
  process.nextTick(() => child.emit('error', refuse('spawn git')));
  return child;
}

/** git calls its reference-transaction hook with its locks taken ("prepared"), and with the refs moved ("committed"). */
function withHook(env) {
  if (FAULT_HOW !== 'prepared' && FAULT_HOW !== 'committed') return env;
  const hook = join(FAULT_HOOKS, 'reference-transaction');
  writeFileSync(hook, `#!/bin/sh\n[ "$1" = ${FAULT_HOW} ] || exit 0\nkill -9 ${process.pid} $PPID\n`, {
    mode: 0o755,
  });
  const number = Number(env.GIT_CONFIG_COUNT ?? 0);
  return {
    ...env,
    GIT_CONFIG_COUNT: String(number + 1),
    [`GIT_CONFIG_KEY_${number}`]: 'core.hooksPath',
    [`GIT_CONFIG_VALUE_${number}`]: FAULT_HOOKS,
  };
}

syncBuiltinESMExports();
