import { ClientJsonError, type ClientJsonReader, createClientJsonReader } from '../../model/client-json.ts';
import type { ManifestField, ManifestValue } from '../../model/manifest-syntax.ts';
import { shortJson } from '../../model/short-json.ts';
import type { PlacedManifest } from './placed-manifest.ts';
import type { ProblemList } from './publish-problem.ts';

const jsonNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const integer = /^-?(?:0|[1-9][0-9]*)$/;

/**
 * What our reader takes and some other does not: keys that are stated twice, text that is no Unicode, numbers and values
 * that JSON, or `moon.mod`, does not have.
 */
export function checkStrictness(manifest: PlacedManifest, text: string, problems: ProblemList): void {
  if (manifest.fileName === 'moon.mod.json' && !isClientJson(text))
    problems.error('manifest-damaged', `${manifest.fileName} is not JSON that clients can read`);
  checkFields(manifest, manifest.fields, problems);
}

function checkFields(
  manifest: PlacedManifest,
  fields: readonly ManifestField[],
  problems: ProblemList,
): void {
  const stated = new Set<string>();
  for (const { key, at, value } of fields) {
    if (stated.has(key))
      problems.error('manifest-damaged', `${manifest.where(at)}: ${shortJson(key)} is stated twice`);
    stated.add(key);
    if (!key.isWellFormed())
      problems.error('manifest-damaged', `${manifest.where(at)}: this key is not Unicode text`);
    checkValue(manifest, value, problems);
  }
}

function checkValue(manifest: PlacedManifest, value: ManifestValue, problems: ProblemList): void {
  if (value.kind === 'array') for (const item of value.items) checkValue(manifest, item, problems);
  if (value.kind === 'object') checkFields(manifest, value.fields, problems);
  const reason = strangeness(manifest, value);
  if (reason !== undefined) problems.error('manifest-damaged', `${manifest.where(value.at)}: ${reason}`);
}

function strangeness({ fileName }: PlacedManifest, value: ManifestValue): string | undefined {
  if (value.kind === 'string')
    return value.text.isWellFormed() ? undefined : 'this string is not Unicode text';
  if (value.kind === 'object' && value.callee !== undefined)
    return `${shortJson(value.callee)}(…) is no value: write an object in braces`;
  if (value.kind !== 'scalar') return undefined;
  if (fileName === 'moon.mod' && value.value === null) return `${fileName} has no null: leave the key out`;
  if (typeof value.value !== 'number') return undefined;
  if (fileName === 'moon.mod')
    return integer.test(value.written) ? undefined : `${fileName} has whole numbers only`;
  return jsonNumber.test(value.written) ? undefined : 'this is no number of JSON';
}

/** As moon reads a manifest: all of it typed, so that commas after the last member are fine. */
function isClientJson(text: string): boolean {
  const reader = createClientJsonReader(text);
  try {
    readTyped(reader);
    reader.readEnd();
    return true;
  } catch (error) {
    if (error instanceof ClientJsonError) return false;
    throw error;
  }
}

/** Only of what our own reader has read, which takes no deep nesting. */
function readTyped(reader: ClientJsonReader): void {
  const opening = reader.peek();
  if (opening === '{') reader.readObject(() => readTyped(reader));
  else if (opening === '[') reader.readList(() => readTyped(reader));
  else if (opening === '"') reader.readString();
  else reader.skipValue();
}
