/**
 * What disks that fold case and Unicode form, and people's eyes, take for the same name has the same fold: full case folding,
 * canonical composition (NFC), and without characters that are drawn as nothing (HFS+ ignores them as well). For
 * comparing only: a name itself is never folded.
 */
export function foldName(name: string): string {
  if (isPlain.test(name)) return name;
  const composed = name.normalize('NFD').replace(ignorable, '');
  // Both ways, as each alone leaves some letters apart: K (U+212A) and k, ſ and s, ß and ss.
  return composed.toLowerCase().toUpperCase().toLowerCase().normalize('NFC');
}

/** Most names: nothing in them folds. */
const isPlain = /^[a-z0-9/_.*-]*$/;
const ignorable = /\p{Default_Ignorable_Code_Point}/gu;
