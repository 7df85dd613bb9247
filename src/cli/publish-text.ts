import type { Verdict } from '../author/judge-reply.ts';
import type { PreparedModule } from '../author/prepare-module.ts';
import type { Waited } from '../author/wait-until-listed.ts';
import { shellLine } from '../support/shell.ts';
import { count, formatBytes, formatList } from './format.ts';

const shownFiles = 20;

/** What goes in, and what there is to say about it. */
export function formatPrepared(prepared: PreparedModule): string {
  const { files, bytes, checksum, remarks, problems } = prepared;
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const sizes = files.map(({ sizeBytes }) => formatBytes(sizeBytes));
  const width = Math.max(0, ...sizes.slice(0, shownFiles).map(({ length }) => length));
  const lines = files.map(({ path }, position) => `${(sizes[position] ?? '').padStart(width)}  ${path}`);
  const contents =
    files.length === 0 ? '' : `${count(files.length, 'file')} of ${formatBytes(total)}, packed `;
  return [
    `${nameOf(prepared)}: ${contents}${formatBytes(bytes.length)}`,
    ...formatList(lines, shownFiles),
    `  Checksum: ${checksum}`,
    ...remarks.map((remark) => `  remark: ${remark}`),
    ...problems.map(({ severity, code, text }) => `  ${severity} (${code}): ${text}`),
  ].join('\n');
}

function nameOf({ id, path }: PreparedModule): string {
  return id === undefined ? path : `${id.module}@${id.version}`;
}

export function isRefused({ id }: PreparedModule): boolean {
  return id === undefined;
}

/** How a command to publish ended. */
export interface PublishResult {
  readonly registry: string;
  readonly modules: readonly PreparedModule[];
  readonly isDryRun: boolean;
  /** Whether it was asked that they wait until somebody approves them. */
  readonly isStaged: boolean;
  /** Whether it was asked to wait until they are listed. */
  readonly waits: boolean;
  /** Under which they wait, or waited, for approval. */
  readonly stagedId?: string | undefined;
  /** `refused`: by our own check; `not-asked`: it was a dry run, of which the registry cannot be told. */
  readonly outcome: Exclude<Verdict['kind'], 'failed'> | 'refused' | 'not-asked';
  /** Of whoever waited until they are listed. */
  readonly waited?: Waited | undefined;
}

export function formatOutcome({ registry, modules, outcome, waited, stagedId = '' }: PublishResult): string {
  const names = modules.map(nameOf).join(', ');
  switch (outcome) {
    case 'refused':
      return `Not published: ${modules.filter(isRefused).map(nameOf).join(', ')} cannot be, for what is said above.`;
    case 'not-asked':
      return `Looks good: ${names}. ${registry} was not asked, as nobody knows how to tell it that this is a dry run.`;
    case 'would-publish':
      return `Dry run: ${registry} would publish ${names}. Nothing was changed.`;
    case 'waiting':
      return `Sent: ${registry} has ${names}, and does not list it yet.`;
    case 'staged':
      return [
        `Waiting for approval on ${registry}, not published yet: ${names}.`,
        `Whoever may approve it looks at it by: ${shellLine`moonbit-registry staged show ${stagedId} --registry ${registry}`}`,
      ].join('\n');
    case 'published':
      return [
        `Published on ${registry}: ${names}.`,
        ...formatWaited(waited, modules.length),
        ...formatUse(modules),
      ].join('\n');
  }
}

function formatWaited(waited: Waited | undefined, modules: number): string[] {
  if (waited === undefined) return [];
  switch (waited.kind) {
    case 'listed':
      return [`The index lists ${modules === 1 ? 'it' : 'all of them'}.`];
    case 'not-yet':
      return [`Not listed so far: ${waited.missing.join(', ')}.`];
    case 'unreadable':
      return [`Whether it is listed could not be seen: the token may not read ${waited.missing.join(', ')}.`];
  }
}

function formatUse(modules: readonly PreparedModule[]): string[] {
  const [only, ...others] = modules;
  if (only?.id === undefined || others.length > 0) return [];
  return [`To use it: ${shellLine`moon update && moon add ${`${only.id.module}@${only.id.version}`}`}`];
}

export function describeOutcome(result: PublishResult) {
  const { registry, modules, isDryRun, outcome, waited, stagedId } = result;
  return {
    ...{ registry, dryRun: isDryRun, outcome },
    ...(stagedId === undefined ? {} : { stagedId }),
    modules: modules.map(describePrepared),
    ...(waited && { listed: waited.kind === 'listed' }),
    ...(waited && waited.kind !== 'listed' && { missing: waited.missing }),
  };
}

function describePrepared({ path, id, bytes, checksum, files, remarks, problems }: PreparedModule) {
  return {
    path,
    ...id,
    checksum,
    sizeBytes: bytes.length,
    files: files.map((file) => ({ path: file.path, sizeBytes: file.sizeBytes })),
    problems,
    remarks,
  };
}
