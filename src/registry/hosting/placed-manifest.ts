import type { ManifestField, ManifestReader } from '../../model/manifest-syntax.ts';

export type ManifestFileName = 'moon.mod' | 'moon.mod.json';

/** A manifest as it was read, and the words for a place in it. */
export interface PlacedManifest {
  readonly fileName: ManifestFileName;
  readonly fields: readonly ManifestField[];
  /** `moon.mod: line 1, column 2`. */
  where(at: number): string;
  /** Of a key that may be stated once: `undefined` where it is absent or `null`. */
  find(key: string): ManifestField | undefined;
}

export function placeManifest(
  fileName: ManifestFileName,
  fields: readonly ManifestField[],
  reader: ManifestReader,
): PlacedManifest {
  return {
    fileName,
    fields,
    where(at) {
      const { line, column } = reader.place(at);
      return `${fileName}: line ${line}, column ${column}`;
    },
    find: (key) =>
      fields.find(
        ({ key: stated, value }) => stated === key && !(value.kind === 'scalar' && value.value === null),
      ),
  };
}
