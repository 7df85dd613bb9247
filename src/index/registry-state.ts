import { StorageError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import { damageHint } from './confirm-absence.ts';

/** What `refs/registry/state` says beside the ledger: one small file each for facts and findings. */
export interface RegistryState {
  /** The commit of the aggregated index. */
  readonly served: string;
  /** How many modules it lists. */
  readonly modules: number;
  /** Index files changed since the served history's root: the most a client could face in one pull. */
  readonly changedSinceRoot: number;
  /** Digest of the policy the served index was made by; another one means that everything is decided anew. */
  readonly policy: string;
  readonly snapshots: readonly SnapshotRecord[];
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
}

export const stateFile = 'state.json';
export const findingsFile = 'findings.jsonl';
export const decisionsFile = 'decisions.jsonl';
export const formatFile = 'format';
/** Version of the layout of the state's tree. */
export const formatVersion = '1\n';

export function formatState(state: RegistryState): string {
  return `${JSON.stringify(state, undefined, 2)}\n`;
}

export function parseState(bytes: Buffer, directory: string): RegistryState {
  let cause: unknown;
  try {
    const state: unknown = JSON.parse(bytes.toString('utf8'));
    if (isState(state)) return state;
  } catch (error) {
    cause = error;
  }
  throw new StorageError(`${stateFile} in refs/registry/state of ${directory} cannot be read`, {
    cause,
    hint: damageHint,
  });
}

// The rest is advice: these decide what is served.
function isState(value: unknown): value is RegistryState {
  if (typeof value !== 'object' || value === null) return false;
  const { served, snapshots } = value as Partial<RegistryState>;
  return typeof served === 'string' && /^[0-9a-f]{40}$/.test(served) && Array.isArray(snapshots);
}

export function formatFindings(findings: readonly Finding[]): string {
  return formatLines(findings);
}

export function parseFindings(bytes: Buffer): Finding[] {
  return parseLines<Finding>(bytes);
}

export function formatDecisions(decisions: readonly OperatorDecision[]): string {
  return formatLines(decisions);
}

export function parseDecisions(bytes: Buffer): OperatorDecision[] {
  return parseLines<OperatorDecision>(bytes);
}

function formatLines(values: readonly object[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

function parseLines<T>(bytes: Buffer): T[] {
  const lines = bytes.toString('utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T);
}
