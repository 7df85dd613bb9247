import { StorageError } from '../errors.ts';
import type { Block } from '../model/block.ts';
import { isModuleName } from '../model/module-name.ts';
import { isVersion } from '../model/version.ts';
import { isRecord } from '../support/is-record.ts';
import { damageHint } from './restore-hint.ts';

/** What `refs/registry/state` says beside the ledger: one small file each for facts and findings. */
export interface RegistryState {
  /** Version of the layout that this was read from; what is written always has the newest. */
  readonly format: number;
  /** The commit of the aggregated index. */
  readonly served: string;
  /** How many modules it lists. */
  readonly modules: number;
  /** Index files changed since the served history's root: the most a client could face in one pull. */
  readonly changedSinceRoot: number;
  /** Digest of the policy the served index was made by; another one means that everything is decided anew. */
  readonly policy: string;
  /** Version of the rules it was made by: a program that decides differently plans everything again. */
  readonly planner: number;
  readonly snapshots: readonly SnapshotRecord[];
  /** Look-alikes that the operator lists all the same. */
  readonly acceptedNames: readonly string[];
  /** What the operator refuses to everybody, by name. */
  readonly blocks: readonly Block[];
  /** Parts of the index that are served by themselves. */
  readonly views: readonly ViewRecord[];
  /** What a later program has written beside the above; it survives. */
  readonly extra?: Extra | undefined;
}

/** A part of the index, with a history of its own: its commits are parents of the state's. */
export interface ViewRecord {
  readonly name: string;
  readonly commit: string;
  /** As that of the state, of this history. */
  readonly changedSinceRoot: number;
  /** What it was made by, besides what is served: another text means that it is made anew. */
  readonly rules: string;
  readonly modules: number;
  /** What its modules depend on and it does not show, as it is claimed or published here and not named: the first of them. */
  readonly withheld: readonly WithheldModule[];
}

export interface WithheldModule {
  readonly module: string;
  readonly neededBy: string;
}

/** A source's last good snapshot; its tree is in the state's own tree, under `sources/NAME`. */
export interface SnapshotRecord {
  readonly source: string;
  readonly commit: string;
  readonly tree: string;
  /** When this commit was first read; ISO 8601, UTC. */
  readonly since: string;
  /** As last configured: how far a removed source was trusted. */
  readonly priority: number;
  /** The address it was read at; `undefined` in data of format 1, which did not say. */
  readonly indexUrl: string | undefined;
  /** Patterns of what it said last is published there; absent of a source that never said so. */
  readonly hosts?: readonly string[] | undefined;
  /** A later reading that is held back; its tree is under `held/NAME`. */
  readonly held?: HeldReading | undefined;
  readonly extra?: Extra | undefined;
}

interface HeldReading {
  readonly commit: string;
  readonly tree: string;
  /** When it was first read; ISO 8601, UTC. */
  readonly since: string;
}

type Extra = Readonly<Record<string, unknown>>;

export const stateFile = 'state.json';
export const findingsFile = 'findings.jsonl';
export const decisionsFile = 'decisions.jsonl';
export const pendingFile = 'pending.jsonl';
export const formatFile = 'format';
/** Version of the layout of the state's tree. */
export const currentFormat = 3;
/** The formats that data can be brought back to. */
export const olderFormats = [1, 2] as const;
export type OlderFormat = (typeof olderFormats)[number];

/** Why data of `format` cannot be used by this program; `undefined` if it can. */
export function formatProblem(format: string, directory: string): StorageError | undefined {
  const text = format.trim();
  if (!/^[1-9]\d{0,8}$/.test(text))
    return new StorageError(
      `${formatFile} in refs/registry/state of ${directory} says ${JSON.stringify(text.slice(0, 40))}, which is no version`,
      {
        hint: damageHint,
      },
    );
  if (Number(text) <= currentFormat) return undefined;
  return new StorageError(
    `the data in ${directory} have format ${text}, and this program knows format ${currentFormat}: a newer moonbit-registry has written them`,
    {
      hint: 'run the newer program; where it can, its "moonbit-registry state downgrade" makes them readable for this one. Nothing was changed',
    },
  );
}

/** As of format 2 the keys have names that version 0.1.0, which never looked at the format, stops at. */
export function formatState(state: Omit<RegistryState, 'format'>): string {
  const {
    served,
    modules,
    changedSinceRoot,
    policy,
    planner,
    snapshots,
    acceptedNames,
    blocks,
    views,
    extra,
  } = state;
  const sources = snapshots.map(({ source, extra: more, ...record }) => ({
    name: source,
    ...record,
    ...more,
  }));
  const known = {
    servedCommit: served,
    modules,
    changedSinceRoot,
    policy,
    planner,
    acceptedNames,
    blocks,
    ...(views.length === 0 ? {} : { views }),
    sources,
  };
  return `${JSON.stringify({ ...known, ...extra }, undefined, 2)}\n`;
}

/** Reads the file as any format up to the current one has it. */
export function parseState(bytes: Buffer, format: number, directory: string): RegistryState {
  let cause: unknown;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    const state = isRecord(value) ? readState(value, format) : undefined;
    if (state) return state;
  } catch (error) {
    cause = error;
  }
  throw new StorageError(`${stateFile} in refs/registry/state of ${directory} cannot be read`, {
    cause,
    hint: damageHint,
  });
}

// What decides what is served must be right; the rest is advice.
function readState(value: Record<string, unknown>, format: number): RegistryState | undefined {
  const state = format === 1 ? upgradeKeys(value) : value;
  const {
    servedCommit,
    modules,
    changedSinceRoot,
    policy,
    planner,
    acceptedNames,
    blocks,
    views,
    sources,
    ...extra
  } = state;
  if (!isObjectId(servedCommit) || !Array.isArray(sources)) return undefined;
  // Bytes that are refused must not be served for a damaged line.
  const refused = format < 3 ? [] : blocks;
  if (!Array.isArray(refused) || !refused.every(isBlock)) return undefined;
  const snapshots = sources.map(readSnapshot);
  if (snapshots.includes(undefined)) return undefined;
  return {
    format,
    served: servedCommit,
    modules: countOf(modules),
    changedSinceRoot: countOf(changedSinceRoot),
    policy: typeof policy === 'string' ? policy : '',
    planner: countOf(planner),
    snapshots: snapshots.filter((record) => record !== undefined),
    acceptedNames: Array.isArray(acceptedNames)
      ? acceptedNames.filter((name) => typeof name === 'string')
      : [],
    blocks: refused,
    views: Array.isArray(views) ? views.filter(isViewRecord) : [],
    ...withExtra(extra),
  };
}

/** Format 1 called the same things otherwise, and knew neither addresses nor the planner's version. */
function upgradeKeys({ served, snapshots, ...rest }: Record<string, unknown>): Record<string, unknown> {
  const sources = Array.isArray(snapshots)
    ? snapshots.map((record) => {
        if (!isRecord(record)) return record;
        const { source, ...facts } = record;
        return { name: source, ...facts };
      })
    : snapshots;
  return { servedCommit: served, ...rest, planner: 1, sources };
}

function readSnapshot(value: unknown): SnapshotRecord | undefined {
  if (!isRecord(value)) return undefined;
  const { name, commit, tree, since, priority, indexUrl, hosts, held, ...extra } = value;
  if (typeof name !== 'string' || !isObjectId(commit) || !isObjectId(tree)) return undefined;
  return {
    source: name,
    commit,
    tree,
    since: typeof since === 'string' ? since : '',
    priority: typeof priority === 'number' ? priority : 0,
    indexUrl: typeof indexUrl === 'string' ? indexUrl : undefined,
    ...(isListOfTexts(hosts) ? { hosts } : {}),
    ...(isHeld(held) ? { held } : {}),
    ...withExtra(extra),
  };
}

function isListOfTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function isHeld(value: unknown): value is HeldReading {
  return (
    isRecord(value) && isObjectId(value.commit) && isObjectId(value.tree) && typeof value.since === 'string'
  );
}

/** One that cannot be read is made anew. */
function isViewRecord(value: unknown): value is ViewRecord {
  if (!isRecord(value)) return false;
  const { name, commit, changedSinceRoot, rules, modules, withheld } = value;
  return (
    typeof name === 'string' &&
    isObjectId(commit) &&
    [changedSinceRoot, modules].every((count) => Number.isSafeInteger(count)) &&
    typeof rules === 'string' &&
    Array.isArray(withheld) &&
    withheld.every(isWithheld)
  );
}

function isWithheld(value: unknown): value is WithheldModule {
  return isRecord(value) && typeof value.module === 'string' && typeof value.neededBy === 'string';
}

function isBlock(value: unknown): value is Block {
  if (!isRecord(value)) return false;
  const { module, version, reason, at, by, isWithdrawn } = value;
  return (
    typeof module === 'string' &&
    isModuleName(module) &&
    (version === undefined || isVersion(version)) &&
    (isWithdrawn === undefined || isWithdrawn === true) &&
    [reason, at, by].every((text) => typeof text === 'string')
  );
}

function withExtra(extra: Extra): { extra?: Extra } {
  return Object.keys(extra).length > 0 ? { extra } : {};
}

function countOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

export function isObjectId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{40}$/.test(value);
}
