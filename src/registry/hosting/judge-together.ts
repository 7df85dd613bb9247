import type { Config } from '../../config/config.ts';
import type { Checksum } from '../../model/checksum.ts';
import { foldName } from '../../model/fold-name.ts';
import type { ModuleName } from '../../model/module-name.ts';
import { matchesAny } from '../../model/pattern.ts';
import type { Version } from '../../model/version.ts';
import type { HostedModule, HostedModules } from './hosted-modules.ts';
import { judgeUpload } from './judge-upload.ts';
import type { CheckedUpload, Publication } from './publication.ts';
import type { Judgement } from './publish-outcome.ts';

/** One publication judged: what is new of it, none unless all of it may be published, or may be once it is approved. */
export interface JudgedPublication {
  readonly publication: Publication;
  readonly outcome: Judgement;
  readonly added: readonly CheckedUpload[];
}

/** Whether every version of the module waits until somebody approves it. Of names that disks take for one, all or none do. */
function needsApproval(name: ModuleName, { requireApproval }: Config['hosting']): boolean {
  return matchesAny(requireApproval.map(foldName), foldName(name));
}

/** Judges publications one after the other, each on the state with those before it. */
export async function judgeTogether(
  publications: readonly Publication[],
  modules: HostedModules,
  settings: Config['hosting'],
): Promise<JudgedPublication[]> {
  const judged: JudgedPublication[] = [];
  for (const publication of publications) {
    const earlier = judged.flatMap(({ outcome, added }) => (outcome.kind === 'published' ? added : []));
    judged.push(await judgePublication(publication, earlier, modules, settings));
  }
  return judged;
}

async function judgePublication(
  publication: Publication,
  earlier: readonly CheckedUpload[],
  modules: HostedModules,
  settings: Config['hosting'],
): Promise<JudgedPublication> {
  const listed = await readListed([...earlier, ...publication.uploads], modules);
  const added: CheckedUpload[] = [];
  let outcome: Judgement = { kind: 'already-published' };
  for (const upload of publication.uploads) {
    const module = withAdded(await modules.find(upload.manifest.name), upload.manifest.name, [
      ...earlier,
      ...added,
    ]);
    const found = judgeUpload(upload, module, settings, (name) => listed.get(name) ?? []);
    if (found.kind === 'already-published') continue;
    if (found.kind !== 'published') return { publication, outcome: found, added: [] };
    outcome = found;
    added.push(upload);
  }
  const mayGoIn = publication.approval !== undefined;
  if (!mayGoIn && added.some(({ manifest }) => needsApproval(manifest.name, settings)))
    return { publication, outcome: { kind: 'needs-approval' }, added };
  return { publication, outcome, added };
}

function withAdded(module: HostedModule, name: ModuleName, added: readonly CheckedUpload[]): HostedModule {
  const own = added.filter(({ manifest }) => manifest.name === name);
  if (own.length === 0) {
    const alike = added.find((one) => foldName(one.manifest.name) === foldName(name));
    return alike && module.versions.size === 0 ? { ...module, lookAlike: alike.manifest.name } : module;
  }
  const more = own.map(({ manifest, checksum }): [Version, Checksum] => [manifest.version, checksum]);
  return { ...module, versions: new Map([...module.versions, ...more]) };
}

/** Of all that the uploads depend on, what clients will find: what is published together may depend on each other. */
async function readListed(
  uploads: readonly CheckedUpload[],
  modules: HostedModules,
): Promise<ReadonlyMap<string, readonly Version[]>> {
  const listed = new Map<string, Version[]>();
  const wanted = uploads.flatMap(({ manifest }) => manifest.dependencies.map(({ module }) => module));
  for (const name of new Set<string>(wanted)) listed.set(name, [...(await modules.listed(name))]);
  for (const { manifest } of uploads) listed.get(manifest.name)?.push(manifest.version);
  return listed;
}
