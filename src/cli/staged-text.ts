import type { Differences } from '../registry/hosting/staging/compare-versions.ts';
import type { StagedFacts, StagedModuleFacts } from '../registry/hosting/staging/staged-facts.ts';
import { isRecord } from '../support/is-record.ts';
import { shellLine } from '../support/shell.ts';
import { toVisibleLine } from '../support/visible-text.ts';
import { count, formatAge, formatBytes, formatList } from './format.ts';

const shownFiles = 50;
const shownChanges = 20;

/** `--registry URL`, where it is not the one of this directory. */
export type AtRegistry = string | undefined;

export function formatStagedList(
  staged: readonly StagedFacts[],
  { hidden, now, registry }: { readonly hidden: number; readonly now: number; readonly registry: AtRegistry },
): string {
  const more = hidden === 0 ? [] : [`${hidden} more of which somebody has decided: --all shows them.`];
  const waiting = staged.filter(({ decision }) => !decision);
  const [first] = waiting;
  return [
    ...(waiting.length === 0 ? ['Nothing waits for approval.'] : []),
    ...staged.flatMap((one) => formatStaged(one, now)),
    ...more,
    ...(first ? [`To look at one: ${command('show', first.id, registry)}`] : []),
  ].join('\n');
}

function formatStaged(one: StagedFacts, now: number): string[] {
  return [
    namesOf(one),
    ...formatFacts(one, now).map((line) => `  ${line}`),
    ...(one.decision ? [] : [`  Until:    ${one.expiresAt}`]),
    `  Id:       ${one.id}`,
  ];
}

function formatFacts(one: StagedFacts, now: number): string[] {
  const { versions, token, owner, oidc, at, decision } = one;
  const sizeBytes = versions.reduce((sum, version) => sum + version.sizeBytes, 0);
  const sender = oidc ? token : `${owner} with the token "${token}"`;
  const claims = Object.entries(oidc?.claims ?? {}).map(([claim, value]) => `  ${claim}: ${value}`);
  const size = formatBytes(sizeBytes);
  return [
    `Sent:     by ${sender}, ${formatAge(at, now)} (${size})`,
    ...(oidc ? [`Let in by "${oidc.entry}", as ${oidc.issuer} says:`, ...claims] : []),
    ...(decision ? [formatDecision(decision)] : []),
  ].map(toVisibleLine);
}

function formatDecision({ kind, at, by, reason }: NonNullable<StagedFacts['decision']>): string {
  const who = by === undefined ? '' : ` by ${by}`;
  return `Now:      ${kind}${who}, ${at}${reason === undefined ? '' : `: ${reason}`}`;
}

/** What is in it, what is new in it, and how to decide about these bytes. */
export function formatContents(staged: StagedFacts, now: number, registry: AtRegistry): string {
  const { id, modules = [] } = staged;
  return [
    `${namesOf(staged)} ${modules.length === 1 ? 'waits' : 'wait'} for approval`,
    ...formatFacts(staged, now).map((line) => `  ${line}`),
    '',
    ...modules.flatMap(formatModule),
    `To publish exactly these bytes: ${command('approve', id, registry)}`,
    `To drop them: ${command('reject', id, registry, ['--reason', 'TEXT'])}`,
  ].join('\n');
}

function formatModule(shown: StagedModuleFacts): string[] {
  const { module, version, checksum, archive, files, manifest, problems, previous } = shown;
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const sizes = files.map(({ sizeBytes }) => formatBytes(sizeBytes));
  const width = Math.max(0, ...sizes.slice(0, shownFiles).map(({ length }) => length));
  const lines = files.map(({ path }, position) => `${(sizes[position] ?? '').padStart(width)}  ${path}`);
  const said = Object.entries(isRecord(manifest) ? manifest : {});
  return [
    `${module}@${version}`,
    `  Checksum: ${checksum}`,
    ...(archive === undefined ? [] : [`  Archive:  ${archive}`]),
    '  Manifest:',
    ...said.map(([key, value]) => toVisibleLine(`    ${key}: ${JSON.stringify(value)}`)),
    `  ${count(files.length, 'file')} of ${formatBytes(total)}:`,
    ...formatList(lines, shownFiles).map((line) => `  ${line}`),
    ...formatPrevious(previous),
    ...problems.map(({ severity, code, text }) => toVisibleLine(`  ${severity} (${code}): ${text}`)),
    '',
  ];
}

function formatPrevious(previous: StagedModuleFacts['previous']): string[] {
  if (!previous) return ['  No version below it is published.'];
  const { version, files, dependencies } = previous;
  const changes = files ? formatDifferences(files) : ['its archive cannot be compared'];
  const needs = formatDifferences(dependencies);
  return [
    `  Since ${version}:`,
    ...(changes.length === 0 ? ['    the files are the same'] : changes.map((line) => `    ${line}`)),
    ...(needs.length === 0
      ? ['    dependencies are the same']
      : needs.map((line) => `    dependency ${line}`)),
  ];
}

function formatDifferences({ added, removed, changed }: Differences): string[] {
  const lines = [
    ...added.map((name) => `added:   ${name}`),
    ...removed.map((name) => `removed: ${name}`),
    ...changed.map((name) => `changed: ${name}`),
  ];
  return formatList(lines, shownChanges).map((line) => line.trimStart());
}

export function namesOf({ versions }: StagedFacts): string {
  return toVisibleLine(versions.map(({ module, version }) => `${module}@${version}`).join(', '));
}

function command(action: string, id: string, registry: AtRegistry, more: readonly string[] = []): string {
  const where = registry === undefined ? [] : ['--registry', registry];
  return shellLine`moonbit-registry staged ${[action, id, ...more, ...where]}`;
}
