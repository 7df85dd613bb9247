import type { GitIndex } from '../../index/git-index.ts';
import { publishersPathOf } from '../../index/layout.ts';
import { formatHostedRecord } from '../../index/publishers-file.ts';
import type { StateView } from '../../index/state-view.ts';
import { hosted } from '../../model/hosted.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { isVersion, type Version } from '../../model/version.ts';
import { parseJson } from '../../support/parse-json.ts';
import { editHosted } from '../sync/aggregate.ts';
import { findFactsByPath } from '../sync/find-facts.ts';
import type { HostedEdit, HostedEditor } from '../sync/hosted-edit.ts';
import { readOwnFile } from '../sync/source-file.ts';
import type { SyncContext } from '../sync/sync-context.ts';
import { writeHostedTree } from './hosted-tree.ts';
import { yankIndexLine } from './index-line.ts';

/** Tells the users of a version, or of all versions there are of a module, not to use it any more; or takes that back. */
export interface YankRuling {
  readonly module: ModuleName;
  /** `undefined`: all that there are. What is published later is not yanked. */
  readonly version: Version | undefined;
  /** One line that clients show; `undefined` takes the yank back. */
  readonly reason: string | undefined;
}

export type YankOutcome =
  /** As wanted, and which versions were not so before. */
  | { readonly kind: 'done'; readonly versions: readonly Version[]; readonly changed: readonly Version[] }
  | { readonly kind: 'not-hosted'; readonly origin: string | undefined }
  | { readonly kind: 'no-such-version'; readonly versions: readonly Version[] };

/** Lines of a file as yanked; what is not changed is byte for byte as before. */
interface YankedFile {
  readonly content: Buffer;
  /** All that the file has, in its order. */
  readonly versions: readonly Version[];
  readonly meant: readonly Version[];
  readonly changed: readonly Version[];
}

/** Of a file of lines that we have written, or have found to be readable when they were taken over. */
function yankFile(file: Buffer, version: Version | undefined, reason: string | undefined): YankedFile {
  const [versions, meant, changed]: [Version[], Version[], Version[]] = [[], [], []];
  const lines = file.toString('utf8').split('\n');
  const after = lines.map((line) => {
    const own = versionOf(line);
    if (own === undefined) return line;
    versions.push(own);
    if (version !== undefined && own !== version) return line;
    meant.push(own);
    const yanked = isAlready(line, reason) ? undefined : yankIndexLine(line, reason);
    if (yanked?.kind !== 'line' || yanked.line.text === line) return line;
    changed.push(own);
    return yanked.line.text;
  });
  return { content: Buffer.from(after.join('\n')), versions, meant, changed };
}

interface StatedYank {
  readonly version?: unknown;
  readonly yanked?: unknown;
  readonly yanked_reason?: unknown;
}

function versionOf(line: string): Version | undefined {
  const stated = (parseJson(line) ?? {}) as StatedYank;
  return typeof stated.version === 'string' && isVersion(stated.version) ? stated.version : undefined;
}

/** A line that says nothing of it says that it is not yanked. */
function isAlready(line: string, reason: string | undefined): boolean {
  const { yanked, yanked_reason: stated } = (parseJson(line) ?? {}) as StatedYank;
  return reason === undefined ? yanked !== true : yanked === true && stated === reason;
}

/** Carries it out in one change of the state, with who did it. `by`: `user NAME` or `token NAME`. */
export async function ruleOnYank(context: SyncContext, ruling: YankRuling, by: string): Promise<YankOutcome> {
  let outcome: YankOutcome = { kind: 'not-hosted', origin: undefined };
  const editor: HostedEditor = {
    async edit(state) {
      const found = await find(context.index, ruling, state);
      outcome = found.outcome;
      if (!found.file || found.file.changed.length === 0) return undefined;
      return writeEdit(context.index, ruling, { state, file: found.file, by }, context.now());
    },
    // Neither checksums nor requirements change, so nothing can stand against it.
    accepts: () => true,
  };
  await editHosted(context, editor);
  return outcome;
}

interface FoundFile {
  readonly outcome: YankOutcome;
  readonly file?: YankedFile;
}

async function find(index: GitIndex, ruling: YankRuling, state: StateView): Promise<FoundFile> {
  const { module, version, reason } = ruling;
  const facts = await findFactsByPath(index, state, state.snapshots).find(module);
  const id = facts.listings.get(hosted);
  if (id === undefined || facts.recorded !== hosted)
    return { outcome: { kind: 'not-hosted', origin: facts.isPinned ? facts.recorded : undefined } };
  const file = yankFile(await readOwnFile(index, id), version, reason);
  if (file.meant.length === 0) return { outcome: { kind: 'no-such-version', versions: file.versions } };
  return { outcome: { kind: 'done', versions: file.meant, changed: file.changed }, file };
}

async function writeEdit(
  index: GitIndex,
  { module, reason }: YankRuling,
  { state, file, by }: { readonly state: StateView; readonly file: YankedFile; readonly by: string },
  date: Date,
): Promise<HostedEdit> {
  const at = date.toISOString();
  const tree = await writeHostedTree(index, state, new Map([[module, file.content]]), date);
  const path = publishersPathOf(module);
  const known = (await index.read(`${state.commit}:${path}`)) ?? Buffer.alloc(0);
  const does = reason === undefined ? 'unyank' : 'yank';
  const records = file.changed.map((version) =>
    formatHostedRecord({ does, version, ...(reason === undefined ? {} : { reason }), by, at }),
  );
  const why = reason === undefined ? '' : `: ${reason}`;
  return {
    ...{ ...tree, at, modules: [module] },
    stateEdits: [{ path, content: Buffer.concat([known, Buffer.from(records.join(''))]) }],
    events: file.changed.map((version) => ({
      event: `${does}ed` as const,
      ...{ module, version, by, ...(reason === undefined ? {} : { reason }) },
    })),
    notes: file.changed.map((version) => `${does} ${module}@${version}${why}, by ${by}`),
  };
}
