import { ConfigError } from '../../errors.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import type { ManifestField } from '../../model/manifest-syntax.ts';
import { isModuleName, type ModuleName, moduleNameProblem } from '../../model/module-name.ts';
import { type ManifestFields, readManifestFields } from '../../model/project-manifest.ts';
import { shortJson } from '../../model/short-json.ts';
import { isVersion, type Version } from '../../model/version.ts';
import type { ArchiveRules } from './archive-rules.ts';
import { checkDependencies } from './check-dependencies.ts';
import { createIndexLine, registryKeys } from './index-line.ts';
import { expectedForm } from './manifest-forms.ts';
import { checkLicence, checkScripts } from './manifest-remarks.ts';
import { checkStrictness } from './manifest-strictness.ts';
import { type ManifestFileName, type PlacedManifest, placeManifest } from './placed-manifest.ts';
import type { ProblemList } from './publish-problem.ts';

/** What a module says of itself; clients can read all of it. */
export interface ModuleManifest {
  readonly name: ModuleName;
  readonly version: Version;
  /** Every key, in order, as `createIndexLine` takes them. */
  readonly fields: readonly ManifestField[];
  readonly dependencies: IndexEntry['dependencies'];
  readonly binDependencies: IndexEntry['binDependencies'];
}

/**
 * Reads a manifest as strictly as one has to be that others install. What is wrong with it is added to `problems`;
 * `undefined` where an error is among them, whatever it is about.
 */
export function checkManifest(
  fileName: ManifestFileName,
  content: Uint8Array,
  { runsCode }: Pick<ArchiveRules, 'runsCode'>,
  problems: ProblemList,
): ModuleManifest | undefined {
  const text = decode(content);
  if (text === undefined) problems.error('manifest-damaged', `${fileName} is not UTF-8`);
  const read = text === undefined ? undefined : readFields(fileName, text, problems);
  if (text === undefined || !read) return undefined;
  const manifest = placeManifest(fileName, read.fields, read.reader);
  for (const { key, at } of read.unknown)
    problems.error(
      'unknown-key',
      `${manifest.where(at)}: moon knows no ${shortJson(key)} here: it goes into options(…)`,
    );
  checkStrictness(manifest, text, problems);
  checkKeys(manifest, problems);
  const name = readName(manifest, problems);
  const version = readVersion(manifest, name, problems);
  checkDependencies(manifest, name, problems);
  checkLicence(manifest, problems);
  checkScripts(manifest, runsCode, problems);
  if (problems.isRefusal || name === undefined || version === undefined) return undefined;
  return complete(manifest, name, version, problems);
}

function decode(content: Uint8Array): string | undefined {
  const text = Buffer.from(content).toString('utf8');
  return Buffer.from(text).equals(content) ? text : undefined;
}

function readFields(
  fileName: ManifestFileName,
  text: string,
  problems: ProblemList,
): ManifestFields | undefined {
  try {
    return readManifestFields(fileName, text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.error('manifest-damaged', error.message);
    return undefined;
  }
}

function checkKeys(manifest: PlacedManifest, problems: ProblemList): void {
  for (const { key, at, value } of manifest.fields) {
    if (registryKeys.includes(key))
      problems.error(
        'reserved-key',
        `${manifest.where(at)}: ${shortJson(key)} is said by the registry: leave it out`,
      );
    const expected = expectedForm(manifest.fileName, key, value);
    if (expected !== undefined)
      problems.error(
        'wrong-value',
        `${manifest.where(value.at)}: expected ${shortJson(key)} to be ${expected}`,
      );
  }
}

function readName(manifest: PlacedManifest, problems: ProblemList): ModuleName | undefined {
  const value = manifest.find('name')?.value;
  if (!value)
    problems.error('module-name', `${manifest.fileName} states no name: a module is named OWNER/NAME`);
  // Of another form, it is reported with all values that are.
  if (value?.kind !== 'string') return undefined;
  if (isModuleName(value.text)) return value.text;
  const reason = moduleNameProblem(value.text);
  problems.error(
    'module-name',
    `${manifest.where(value.at)}: ${shortJson(value.text)} cannot be published: ${reason}`,
  );
  return undefined;
}

function readVersion(
  manifest: PlacedManifest,
  name: ModuleName | undefined,
  problems: ProblemList,
): Version | undefined {
  const value = manifest.find('version')?.value;
  if (!value) problems.error('module-version', `${manifest.fileName} states no version`);
  if (value?.kind !== 'string') return undefined;
  const reason = isVersion(value.text)
    ? name && suffixProblem(name, value.text)
    : `${shortJson(value.text)} is no semantic version such as 1.2.3`;
  if (reason !== undefined) problems.error('module-version', `${manifest.where(value.at)}: ${reason}`);
  return isVersion(value.text) ? value.text : undefined;
}

/** `owner/name/v2` holds versions 2.x only, and there is no `/v0` nor `/v1`: clients since September 2026 (moon#2225). */
function suffixProblem(name: ModuleName, version: Version): string | undefined {
  const [, major] = /^[^/]+\/.+\/v(0|[1-9][0-9]*)$/.exec(name) ?? [];
  if (major === undefined) return undefined;
  if (major === '0' || major === '1')
    return `a name that ends in "/v${major}" is refused by clients: leave that out`;
  return version.startsWith(`${major}.`)
    ? undefined
    : `a module whose name ends in "/v${major}" has versions ${major}.x only`;
}

const anyChecksum = '0'.repeat(64) as Checksum;

/** The line it would have is read by our own strict reader: what passes that can be served. */
function complete(
  { fileName, fields }: PlacedManifest,
  name: ModuleName,
  version: Version,
  problems: ProblemList,
): ModuleManifest | undefined {
  const read = createIndexLine(fields, { checksum: anyChecksum, createdAt: new Date(0) });
  if (read.kind === 'line') {
    const { dependencies, binDependencies } = read.line.entry;
    return { name, version, fields, dependencies, binDependencies };
  }
  problems.error('manifest-damaged', `${fileName} is nothing that clients can read: ${read.reason}`);
  return undefined;
}
