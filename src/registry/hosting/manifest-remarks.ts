import parseSpdx from 'spdx-expression-parse';
import { shortJson } from '../../model/short-json.ts';
import type { ArchiveRules } from './archive-rules.ts';
import type { PlacedManifest } from './placed-manifest.ts';
import type { ProblemList } from './publish-problem.ts';

/** No licence has a longer name, and the parser calls itself for each bracket. */
const longestExpression = 1000;

/** A licence that is no SPDX expression says nothing to the programs that read it. */
export function checkLicence(manifest: PlacedManifest, problems: ProblemList): void {
  const field = manifest.find('license');
  if (field?.value.kind !== 'string' || field.value.text === '' || isSpdx(field.value.text)) return;
  problems.remark(
    'licence',
    `${manifest.where(field.value.at)}: ${shortJson(field.value.text)} is no SPDX licence expression such as "Apache-2.0" or "MIT OR Apache-2.0"`,
  );
}

function isSpdx(text: string): boolean {
  if (text.length > longestExpression) return false;
  try {
    parseSpdx(text);
    return true;
  } catch {
    return false; // it has no other way to say so
  }
}

/** Scripts that run at whoever installs the module. */
export function checkScripts(
  manifest: PlacedManifest,
  runsCode: ArchiveRules['runsCode'],
  problems: ProblemList,
): void {
  const scripts = manifest.find('scripts')?.value;
  const postadd =
    scripts?.kind === 'object' ? scripts.fields.find(({ key }) => key === 'postadd') : undefined;
  for (const field of [postadd, manifest.find('--moonbit-unstable-prebuild')]) {
    if (!field) continue;
    const text = `${manifest.where(field.at)}: ${shortJson(field.key)} runs code of the module where it is installed`;
    if (runsCode === 'refuse') problems.error('runs-code', `${text}, which this registry refuses`);
    else problems.remark('runs-code', text);
  }
}
