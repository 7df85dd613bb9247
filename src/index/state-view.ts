import { StorageError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import { stateRef } from './layout.ts';
import { type PendingNames, parsePending } from './pending-names.ts';
import {
  decisionsFile,
  findingsFile,
  formatFile,
  formatProblem,
  parseState,
  pendingFile,
  type RegistryState,
  stateFile,
} from './registry-state.ts';
import { damageHint } from './restore-hint.ts';
import { parseDecisions, parseFindings } from './state-lines.ts';

/** The state at one commit. Immutable: a change makes another commit. */
export interface StateView extends RegistryState {
  readonly commit: string;
  findings(): Promise<Finding[]>;
  decisions(): Promise<OperatorDecision[]>;
  /** Names that wait to be decided, or for a decision of the operator. */
  pending(): Promise<PendingNames>;
}

/** Throws `StorageError` where it cannot be read, or a newer program has written it. `read`: an object by its name, if it is there. */
export async function viewState(
  directory: string,
  commit: string,
  read: (name: string) => Promise<Buffer | undefined>,
): Promise<StateView> {
  const format = (await read(`${commit}:${formatFile}`))?.toString('utf8') ?? '';
  const problem = formatProblem(format, directory);
  if (problem) throw problem;
  const bytes = await read(`${commit}:${stateFile}`);
  if (!bytes)
    throw new StorageError(
      `${stateRef} in ${directory} is ${commit}, which has no ${stateFile} that can be read`,
      { hint: damageHint },
    );
  const readFile = async <T>(name: string, parse: (bytes: Buffer, file: string) => T) =>
    parse((await read(`${commit}:${name}`)) ?? Buffer.alloc(0), `${name} in ${stateRef} of ${directory}`);
  return {
    ...parseState(bytes, Number(format.trim()), directory),
    commit,
    findings: () => readFile(findingsFile, parseFindings),
    decisions: () => readFile(decisionsFile, parseDecisions),
    pending: () => readFile(pendingFile, parsePending),
  };
}
