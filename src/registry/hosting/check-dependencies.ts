import { readClientLine } from '../../model/client-line.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import type { ManifestField } from '../../model/manifest-syntax.ts';
import { formatManifestFields } from '../../model/manifest-text.ts';
import { type ModuleName, moduleNameProblem } from '../../model/module-name.ts';
import { shortJson } from '../../model/short-json.ts';
import { isVersion, selectVersion, type Version } from '../../model/version.ts';
import type { PlacedManifest } from './placed-manifest.ts';
import type { ProblemList } from './publish-problem.ts';

/** Whether clients can read, and could ever resolve, what a manifest states of each dependency. */
export function checkDependencies(
  manifest: PlacedManifest,
  name: ModuleName | undefined,
  problems: ProblemList,
): void {
  for (const field of membersOf(manifest, 'deps')) {
    const where = `${manifest.where(field.at)}: ${shortJson(field.key)}`;
    const reason = dependencyProblem(manifest, field, name);
    if (reason !== undefined) problems.error('dependency', `${where} ${reason}`);
    else if (states(field, 'path'))
      problems.remark(
        'dependency',
        `${where} has a path, which counts on your disk only: others take its version`,
      );
  }
  for (const field of membersOf(manifest, 'bin-deps')) {
    const where = `${manifest.where(field.at)}: ${shortJson(field.key)}`;
    if (field.value.kind !== 'string' && field.value.kind !== 'object')
      problems.error('dependency', `${where} is neither a version nor an object`);
    else if (field.value.kind === 'string' && !isVersion(field.value.text))
      problems.remark('dependency', `${where} is no exact version such as 1.2.3`);
  }
}

function dependencyProblem(
  { fileName }: PlacedManifest,
  field: ManifestField,
  name: ModuleName | undefined,
): string | undefined {
  const nameProblem = moduleNameProblem(field.key);
  if (nameProblem !== undefined) return `names no module: ${nameProblem}`;
  if (field.key === name) return 'is the module itself';
  const read = readClientLine(formatManifestFields([{ ...field, key: 'deps', value: only(field) }]));
  if (read.kind === 'refused')
    return 'is nothing that clients can read: it has to be an exact version such as 1.2.3';
  if (fileName === 'moon.mod' && states(field, 'path'))
    return 'has a path, which moon takes in moon.work only: list its folder there, and import a version';
  const { version } = read.line.deps.get(field.key) ?? {};
  if (version === undefined) return 'has no version: nobody who installs this module could resolve it';
  return isVersion(version) ? undefined : 'has a version that is too long to be listed anywhere';
}

function only(field: ManifestField): ManifestField['value'] {
  return { kind: 'object', at: field.at, fields: [field] };
}

function states({ value }: ManifestField, key: string): boolean {
  return value.kind === 'object' && value.fields.some((field) => field.key === key);
}

function membersOf(manifest: PlacedManifest, key: string): readonly ManifestField[] {
  const value = manifest.find(key)?.value;
  return value?.kind === 'object' ? value.fields : [];
}

/**
 * Dependencies that nobody who installs the module from here could resolve now. `versionsOf` gives the versions that are
 * listed here of a module, none of one that is not.
 */
export function checkResolvable(
  dependencies: IndexEntry['dependencies'],
  versionsOf: (module: string) => readonly Version[],
  isRequired: boolean,
  problems: ProblemList,
): void {
  for (const { module, requirement } of dependencies) {
    if (requirement === undefined) continue;
    const listed = versionsOf(module);
    if (selectVersion(requirement, listed) !== undefined) continue;
    const text =
      listed.length === 0
        ? `no module ${shortJson(module)} is listed here, which it depends on`
        : `no version of ${shortJson(module)} that is listed here satisfies ${requirement}, which it depends on`;
    if (isRequired) problems.error('unresolvable', `${text}: publish that first`);
    else problems.remark('unresolvable', text);
  }
}
