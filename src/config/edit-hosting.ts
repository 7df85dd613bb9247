import { UsageError } from '../errors.ts';
import { foldName } from '../model/fold-name.ts';
import { covers, overlaps } from '../model/pattern.ts';
import { shellLine } from '../support/shell.ts';
import { readDocument, valueAt } from './checked-edit.ts';
import { setAt, unsetValue } from './edit.ts';
import { sourceNames } from './problem.ts';

/**
 * Lets names that match a pattern be published here, and takes the same claim from a source that has it. Throws `UsageError` where a
 * source claims other names as well, or not all of them: what is left of its claim is the operator's to say.
 */
export function hostNamespace(text: string, pattern: string): string {
  const document = readDocument(text);
  let edited = text;
  sourceNames(document.value).forEach((name, position) => {
    const path = ['sources', position, 'namespaces'];
    const claims = textsAt(document.value, path);
    const left = claims.filter((claim) => !isSame(claim, pattern));
    const contested = left.find((claim) => overlaps(foldName(claim), foldName(pattern)));
    if (contested !== undefined) throw claimedOtherwise(String(name), contested, pattern);
    if (left.length === claims.length) return;
    edited =
      left.length === 0
        ? unsetValue(edited, `sources.${String(name)}.namespaces`)
        : setAt(edited, path, left);
  });
  const namespaces = textsAt(document.value, ['hosting', 'namespaces']);
  if (namespaces.some((one) => covers(foldName(one), foldName(pattern)))) return edited;
  return setAt(edited, ['hosting', 'namespaces'], [...namespaces, pattern]);
}

function textsAt(value: unknown, path: Parameters<typeof valueAt>[1]): string[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found.filter((one): one is string => typeof one === 'string') : [];
}

function isSame(one: string, other: string): boolean {
  return foldName(one) === foldName(other);
}

function claimedOtherwise(source: string, claim: string, pattern: string): UsageError {
  return new UsageError(`source "${source}" claims "${claim}", which is more, or less, than "${pattern}"`, {
    hint:
      `adopt the same: ${shellLine`moonbit-registry hosting adopt ${claim}`}; or say first what it still claims: ` +
      shellLine`moonbit-registry config sources.${source}.namespaces "…"`,
  });
}
