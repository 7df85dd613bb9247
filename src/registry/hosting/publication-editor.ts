import type { GitIndex } from '../../index/git-index.ts';
import { publishersPathOf } from '../../index/layout.ts';
import { formatHostedRecord, type Publication as PublishedBy } from '../../index/publishers-file.ts';
import type { StagingRecord } from '../../index/staged-file.ts';
import type { StateView } from '../../index/state-view.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { TreeEdit } from '../../support/git/git-import.ts';
import type { AuditEvent } from '../record/audit.ts';
import type { HostedEdit, HostedEditor } from '../sync/hosted-edit.ts';
import type { SyncPlan } from '../sync/sync-plan.ts';
import { type HostedModules, lookUpHosted } from './hosted-modules.ts';
import { writeHostedTree } from './hosted-tree.ts';
import { createIndexLine } from './index-line.ts';
import { type JudgedPublication, judgeTogether } from './judge-together.ts';
import { notAllowed } from './judge-upload.ts';
import { type Approval, type CheckedUpload, nameOfApprover, type Publication } from './publication.ts';
import type { Judgement, PublishOutcome } from './publish-outcome.ts';
import { approvalProblem, stagedEdits } from './staging/approval-edits.ts';
import { readStagings } from './staging/read-stagings.ts';

/** Publications that become one change of the state, and what has become of each. */
export interface PublicationEditor extends HostedEditor {
  outcomeOf(publication: Publication): Judgement;
}

interface Edited {
  readonly state: StateView;
  readonly modules: HostedModules;
  readonly stagings: readonly StagingRecord[];
  readonly accepted: readonly JudgedPublication[];
}

export function createPublicationEditor(
  index: GitIndex,
  publications: readonly Publication[],
  now: () => Date,
): PublicationEditor {
  /** Of those that cannot be served, or wait no more, although nothing was said against them. */
  const refused = new Map<Publication, PublishOutcome>();
  let judged: readonly JudgedPublication[] = [];
  const accepted = () => judged.filter(({ outcome }) => outcome.kind === 'published');

  return {
    async edit(state, config) {
      const modules = lookUpHosted(index, state, config);
      const stagings = await readStagings(index, state);
      for (const one of publications) {
        const problem = approvalProblem(one, stagings, config.hosting, now());
        if (problem) refused.set(one, problem);
      }
      const left = publications.filter((one) => !refused.has(one));
      judged = await judgeTogether(left, modules, config.hosting);
      return accepted().length === 0
        ? undefined
        : writeEdit(index, { state, modules, stagings, accepted: accepted() }, now());
    },
    accepts(plan) {
      const unserved = accepted().filter(({ added }) => !added.every((upload) => isServed(plan, upload)));
      for (const { publication, added } of unserved) refused.set(publication, describeUnserved(plan, added));
      return unserved.length === 0;
    },
    outcomeOf(publication) {
      const found = judged.find((one) => one.publication === publication)?.outcome;
      const outcome = refused.get(publication) ?? found;
      if (!outcome) throw new Error('nobody has judged the publication');
      return outcome;
    },
  };
}

async function writeEdit(index: GitIndex, edited: Edited, date: Date): Promise<HostedEdit> {
  const { state, modules, stagings, accepted } = edited;
  const at = date.toISOString();
  const files = new Map<ModuleName, Buffer>();
  const publishers = new Map<ModuleName, Buffer>();
  const notes: string[] = [];
  const events: AuditEvent[] = [];
  for (const { publication, added } of accepted)
    for (const upload of added) {
      const { name, version } = upload.manifest;
      const { token, owner, oidc } = publication.by;
      const before = files.get(name) ?? (await modules.readLines(name));
      files.set(name, withLine(before, lineOf(upload, date)));
      const path = `${state.commit}:${publishersPathOf(name)}`;
      const known = publishers.get(name) ?? (await index.read(path)) ?? Buffer.alloc(0);
      const { approval } = publication;
      const entry = formatHostedRecord({
        version,
        token,
        owner,
        at,
        oidc,
        staged: describeApproval(approval),
      });
      publishers.set(name, Buffer.concat([known, Buffer.from(entry)]));
      events.push({
        event: 'published',
        ...{ module: name, version, checksum: upload.checksum, token, owner },
      });
      const approved = approval ? `, approved by ${nameOfApprover(approval.by)}` : '';
      notes.push(`published ${name}@${version} by token ${token}${approved}`);
    }
  const tree = await writeHostedTree(index, state, files, date);
  const stateEdits = [
    ...[...publishers].map(([module, content]): TreeEdit => ({ path: publishersPathOf(module), content })),
    ...stagedEdits(accepted, stagings, at),
  ];
  return { ...tree, modules: [...files.keys()], stateEdits, at, notes, events };
}

function describeApproval(approval: Approval | undefined): PublishedBy['staged'] {
  if (!approval) return undefined;
  const { stagedAt, by } = approval;
  return {
    at: stagedAt,
    approvedBy: nameOfApprover(by),
    ...(by.kind === 'token' ? { approvedWith: by.token } : {}),
  };
}

function lineOf({ manifest, checksum }: CheckedUpload, createdAt: Date): string {
  const read = createIndexLine(manifest.fields, { checksum, createdAt });
  if (read.kind === 'line') return read.line.text;
  throw new Error(`${manifest.name} was found to be readable, and its line is not: ${read.reason}`);
}

function withLine(file: Buffer, line: string): Buffer {
  return Buffer.concat([file, Buffer.from(`${line}\n`)]);
}

function isServed({ modules }: SyncPlan, { manifest }: CheckedUpload): boolean {
  const planned = modules.find(({ module }) => module === manifest.name);
  return planned?.change?.versionsAdded.includes(manifest.version) ?? false;
}

/** What keeps a name from the index although it is ours: it looks like another one. */
function describeUnserved(plan: SyncPlan, added: readonly CheckedUpload[]): PublishOutcome {
  const name = added.find((one) => !isServed(plan, one))?.manifest.name;
  return notAllowed(
    `${name} cannot be listed here, as it looks like another name where letter case or Unicode form is folded`,
  );
}
