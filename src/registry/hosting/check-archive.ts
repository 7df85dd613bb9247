import { shortJson } from '../../model/short-json.ts';
import type { Version } from '../../model/version.ts';
import type { ArchiveRules } from './archive-rules.ts';
import type { ByteSource } from './byte-source.ts';
import { checkManifest, type ModuleManifest } from './check-manifest.ts';
import type { ManifestFileName } from './placed-manifest.ts';
import { createProblemList, type ProblemList, type PublishProblem } from './publish-problem.ts';
import { unpackEntry } from './unpack-entry.ts';
import { readZipDirectory } from './zip-directory.ts';
import { checkEntries } from './zip-entries.ts';
import { zipFlags, zipMethods } from './zip-entry.ts';
import { type PlacedEntry, placeEntries } from './zip-layout.ts';
import { type NamedEntry, readNames } from './zip-names.ts';

interface CheckedArchive {
  readonly manifest: ModuleManifest;
  /** Of all its files. */
  readonly unpackedBytes: number;
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
  /** By path: SHA-256 of what is in the file, in hex. */
  readonly digests: ReadonlyMap<string, string>;
}

/** `problems` holds at least one error where it is refused, and remarks only where it is not. */
export type ArchiveCheck =
  | {
      readonly kind: 'accepted';
      readonly archive: CheckedArchive;
      readonly problems: readonly PublishProblem[];
    }
  | { readonly kind: 'refused'; readonly problems: readonly PublishProblem[] };

/** What somebody said they publish; the manifest has to agree. */
export interface ExpectedModule {
  readonly module?: string | undefined;
  readonly version?: Version | undefined;
}

const manifestNames: readonly string[] = ['moon.mod', 'moon.mod.json'] satisfies ManifestFileName[];
/** It becomes a line of an index that every client fetches; the longest official one has 769 bytes. */
const longestManifest = 64 * 1024;

/**
 * Whether the bytes are an archive that may be published: a zip file that every reader reads the same, that harms
 * nobody who unpacks it, with a manifest that clients can read. Says all that is wrong at once, as far as the file can
 * be read. Takes bounded memory, and time in proportion to what it may unpack to, whatever the bytes are.
 */
export async function checkArchive(
  bytes: ByteSource,
  rules: ArchiveRules,
  expected: ExpectedModule = {},
): Promise<ArchiveCheck> {
  const problems = createProblemList();
  const archive = await readArchive(bytes, rules, expected, problems);
  return archive && !problems.isRefusal
    ? { kind: 'accepted', archive, problems: problems.all() }
    : { kind: 'refused', problems: problems.all() };
}

async function readArchive(
  bytes: ByteSource,
  rules: ArchiveRules,
  expected: ExpectedModule,
  problems: ProblemList,
): Promise<CheckedArchive | undefined> {
  if (bytes.sizeBytes > rules.maxArchiveBytes) {
    problems.error(
      'archive-too-large',
      `it has ${bytes.sizeBytes} bytes, and ${rules.maxArchiveBytes} may be published`,
    );
    return undefined;
  }
  const directory = await readZipDirectory(bytes, rules.maxEntries, problems);
  if (!directory) return undefined;
  const named = readNames(directory.entries, problems);
  checkEntries(named, rules, problems);
  checkManifestPlaces(named, problems);
  // Without all names, what an entry lacks would be taken for hidden bytes.
  if (named.length < directory.entries.length) return undefined;
  const placed = await placeEntries(bytes, directory, named, problems);
  // Of a file that is refused anyway the manifests alone: whoever made it hears of their faults too.
  const unpacked = problems.isRefusal ? placed.filter((one) => isReadableManifest(one, named)) : placed;
  const contents = await unpackAll(bytes, unpacked, problems);
  const manifest = readManifest(contents.manifests, rules, problems);
  if (!manifest) return undefined;
  compare(manifest, expected, problems);
  const files = named
    .filter(({ isFolder }) => !isFolder)
    .map(({ path, entry }) => ({ path, sizeBytes: entry.unpackedBytes }));
  const unpackedBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { manifest, unpackedBytes, files, digests: contents.digests };
}

function isManifest({ path, isFolder }: NamedEntry): boolean {
  return manifestNames.includes(path) && !isFolder;
}

function isReadableManifest(one: PlacedEntry, named: readonly NamedEntry[]): boolean {
  const { path, entry } = one;
  return (
    isManifest(one) &&
    named.filter((other) => other.path === path).length === 1 &&
    entry.unpackedBytes <= longestManifest &&
    (entry.flags & zipFlags.encrypted) === 0 &&
    (entry.method === zipMethods.stored || entry.method === zipMethods.deflated)
  );
}

function checkManifestPlaces(named: readonly NamedEntry[], problems: ProblemList): void {
  const found = named.filter(isManifest);
  for (const { path, entry } of found)
    if (entry.unpackedBytes > longestManifest)
      problems.error('manifest-damaged', `${path} has ${entry.unpackedBytes} bytes, more than any real one`);
  if (found.length > 0) return;
  const deeper = named.find(({ path }) => manifestNames.some((name) => path.endsWith(`/${name}`)));
  const hint = deeper ? `, only ${shortJson(deeper.path)}: pack what is in that folder, not the folder` : '';
  problems.error('no-manifest', `it has no moon.mod or moon.mod.json at its root${hint}`);
}

/** By path: what the manifests hold, and the digests of all that could be unpacked. */
interface Contents {
  readonly manifests: ReadonlyMap<string, Buffer>;
  readonly digests: ReadonlyMap<string, string>;
}

/** What is no manifest is read, and not kept. */
async function unpackAll(
  bytes: ByteSource,
  placed: readonly PlacedEntry[],
  problems: ProblemList,
): Promise<Contents> {
  const manifests = new Map<string, Buffer>();
  const digests = new Map<string, string>();
  for (const entry of placed) {
    const isWanted = isManifest(entry);
    const unpacked = await unpackEntry(bytes, entry, isWanted);
    if (unpacked.kind === 'damaged') {
      problems.error('entry-damaged', `${shortJson(entry.path)} ${unpacked.reason}`);
      continue;
    }
    digests.set(entry.path, unpacked.digest);
    if (isWanted) manifests.set(entry.path, unpacked.content);
  }
  return { manifests, digests };
}

/** Of `moon.mod` if there is one, as new clients do; old ones read the other, so that has to agree. */
function readManifest(
  contents: ReadonlyMap<string, Buffer>,
  rules: ArchiveRules,
  problems: ProblemList,
): ModuleManifest | undefined {
  const [statements, json] = (['moon.mod', 'moon.mod.json'] as const).map((name) => {
    const content = contents.get(name);
    return content && checkManifest(name, content, rules, problems);
  });
  if (statements && json && (statements.name !== json.name || statements.version !== json.version))
    problems.error(
      'two-manifests',
      `its moon.mod says ${shortJson(`${statements.name}@${statements.version}`)} and its moon.mod.json ${shortJson(`${json.name}@${json.version}`)}: leave moon.mod.json out`,
    );
  else if (statements && json)
    problems.remark(
      'two-manifests',
      'it has a moon.mod and a moon.mod.json: moon reads the first, so leave the second out',
    );
  return statements ?? json;
}

function compare({ name, version }: ModuleManifest, expected: ExpectedModule, problems: ProblemList): void {
  if (expected.module !== undefined && expected.module !== name)
    problems.error(
      'not-what-was-asked',
      `its manifest says it is ${shortJson(name)}, not ${shortJson(expected.module)}`,
    );
  if (expected.version !== undefined && expected.version !== version)
    problems.error(
      'not-what-was-asked',
      `its manifest says it is version ${version}, not ${expected.version}`,
    );
}
