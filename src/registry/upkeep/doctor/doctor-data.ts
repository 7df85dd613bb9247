import { access, constants, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { archiveFolders } from '../../../archives/archive-folders.ts';
import { createCacheReserve, inGibibytes } from '../../../archives/cache-reserve.ts';
import type { Config } from '../../../config/config.ts';
import { currentUser } from '../../../support/current-user.ts';
import { hintFor } from '../../../support/disk/disk-hints.ts';
import { errorCode } from '../../../support/error-code.ts';
import { shellLine } from '../../../support/shell.ts';
import { dataLayout } from '../../data-layout.ts';
import { checkParts } from '../misplaced.ts';
import { checkOwners } from '../owners.ts';
import { checkGround } from './doctor-ground.ts';
import { failure, ok, type Probe, type Verdict, warning } from './probe.ts';

const gibibyte = 1024 ** 3;
const minFreeBytes = gibibyte;
const minFreeShare = 0.05;
const minFreeFiles = 1000;
/** Archives and git's pipes that are open beside the connections. */
const filesBesides = 300;
const probeBytes = 64 * 1024;

/** The disk, and who may write what. Without a config the data folder is taken to be where it is by default. */
export async function dataProbes(directory: string, config: Config | undefined): Promise<readonly Probe[]> {
  const dataDir = config?.registry.dataDir ?? resolve(directory, 'data');
  const place = await nearestExisting(dataDir);
  const ofData: Probe[] = [
    { name: 'file system', ask: () => checkGround(dataDir) },
    { name: 'owners', ask: () => checkOwners(dataDir) },
  ];
  return [
    { name: 'disk space', ask: () => checkSpace(place) },
    { name: 'caching', ask: () => checkCaching(place, config) },
    { name: 'data folder', ask: () => checkWritable(dataDir, place) },
    ...(place === dataDir ? ofData : []),
    { name: 'parts', ask: () => checkParts(dataDir) },
    { name: 'permissions', ask: () => checkModes(directory, dataDir) },
    ...(config ? [{ name: 'open files', ask: () => checkOpenFiles(config.server.maxConnections) }] : []),
  ];
}

/** Nothing outside Linux, where a process cannot read its limits. */
async function checkOpenFiles(maxConnections: number): Promise<Verdict[]> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const hard = /^Max open files +\S+ +(\d+|unlimited)/m.exec(limits)?.[1];
  return hard === undefined ? [] : [judgeOpenFiles(Number(hard), maxConnections)];
}

/** `limit` is the hard one, which Node.js raises its own to; `NaN` means none. */
export function judgeOpenFiles(limit: number, maxConnections: number): Verdict {
  const needed = maxConnections + filesBesides;
  const facts = `${Number.isNaN(limit) ? 'no limit' : `at most ${limit}`} for a process`;
  const connections = `${maxConnections} connections (server.max_connections)`;
  if (!(limit < needed)) return ok(`${facts}, enough for ${connections}`);
  return warning(
    `${facts} here; ${connections} need ${needed}`,
    `ulimit -n ${needed} before serve (systemd: LimitNOFILE=${needed}), ` +
      `or: moonbit-registry config server.max_connections ${Math.max(1, limit - filesBesides)}`,
  );
}

async function checkSpace(place: string): Promise<Verdict> {
  const { bavail, blocks, bsize, ffree, files } = await statfs(place);
  return judgeFiles(ffree, files) ?? judgeSpace(bavail * bsize, blocks * bsize);
}

/** A disk can be full of files while it has space. `total` is 0 where a file system knows no such limit. */
export function judgeFiles(free: number, total: number): Verdict | undefined {
  if (total === 0 || free >= Math.min(minFreeFiles, total * minFreeShare)) return undefined;
  return warning(
    `only ${free} more files can be made on that disk, which takes ${total} (df -i)`,
    'remove files there, or move the folder to another disk: paths in registry.toml are relative to it',
  );
}

export function judgeSpace(freeBytes: number, totalBytes: number): Verdict {
  const share = totalBytes > 0 ? freeBytes / totalBytes : 1;
  const detail = `${(freeBytes / gibibyte).toFixed(1)} GiB free (${Math.floor(share * 100)} %)`;
  if (freeBytes >= minFreeBytes && share >= minFreeShare) return ok(detail);
  const hint = 'make room, or move the folder to a larger disk: paths in registry.toml are relative to it';
  return warning(detail, hint);
}

async function checkCaching(place: string, config: Config | undefined): Promise<Verdict> {
  const reserve = createCacheReserve(place, () => config?.registry.cacheReserveBytes);
  const { isPaused, reserveBytes } = await reserve.look();
  if (!isPaused) return ok(`until ${inGibibytes(reserveBytes)} of the disk are left for the index`);
  const { message, hint } = await reserve.refusal();
  return warning(message, hint);
}

async function checkWritable(dataDir: string, place: string): Promise<Verdict> {
  if (place !== dataDir)
    return (await succeeds(access(place, constants.W_OK)))
      ? ok(`${dataDir} is not there yet and can be made`)
      : cannotWrite(dataDir, `it is not there, and ${place} is not writable`);
  const probe = join(dataDir, `.doctor-${process.pid}`);
  try {
    // A full disk takes an empty file.
    await writeFile(probe, Buffer.alloc(probeBytes), { flag: 'wx' });
    return ok(`${dataDir} is writable`);
  } catch (error) {
    const code = errorCode(error);
    const isOfOthers = code === 'EACCES' || code === 'EPERM';
    const hint = isOfOthers || code === undefined ? undefined : hintFor(code);
    return cannotWrite(dataDir, code ?? String(error), hint);
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
}

function cannotWrite(dataDir: string, reason: string, hint?: string): Verdict {
  return failure(
    `${dataDir} cannot be written: ${reason}`,
    hint ?? `run as the user who owns it, or: ${shellLine`chown -R ${currentUser()} ${dataDir}`}`,
  );
}

/** Whoever can write these decides what is served. */
async function checkModes(directory: string, dataDir: string): Promise<Verdict> {
  const ofIndex = [
    'index',
    'index/HEAD',
    'index/config',
    'index/objects',
    'index/refs',
    'index/refs/registry',
  ];
  const paths = [
    ...['', 'registry.toml'].map((part) => join(directory, part)),
    ...['', ...ofIndex].map((part) => join(dataDir, part)),
    ...(await archiveFolders(dataLayout(dataDir).packages)),
  ];
  const open = (await Promise.all(paths.map(isOpenToAll))).flatMap((isOpen, i) => (isOpen ? [paths[i]] : []));
  if (open.length === 0) return ok('nothing is writable for everybody');
  return warning(
    `writable for everybody on this machine: ${open.slice(0, 5).join(', ')}${open.length > 5 ? ` and ${open.length - 5} more` : ''}`,
    `chmod -R o-w ${directory}${dataDir.startsWith(`${directory}/`) ? '' : ` ${dataDir}`}`,
  );
}

async function isOpenToAll(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => undefined);
  return facts !== undefined && process.platform !== 'win32' && (facts.mode & 0o002) !== 0;
}

async function nearestExisting(path: string): Promise<string> {
  const isThere = await succeeds(stat(path));
  return isThere || dirname(path) === path ? path : nearestExisting(dirname(path));
}

function succeeds(attempt: Promise<unknown>): Promise<boolean> {
  return attempt.then(
    () => true,
    () => false,
  );
}
