/** Command lines that are made to be pasted, of words that others chose: names of modules, sources and files. */

/** One word, as a shell takes it. */
export function quoteForShell(text: string): string {
  return /^(?!=)[\w./@+:=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * A command line of a template. What stands in it by itself is written as it is; a word that holds a value is quoted as a whole,
 * where it has to be, so that a shell obeys nothing in it: `"${pattern}"` keeps its double quotes while these suffice. A value
 * that would be read as an option goes to the end, behind `--`, unless it stands behind an option, which takes it as it is. A
 * list, which is a word of the template by itself, stands for options of ours with their values.
 */
export function shellLine(
  texts: TemplateStringsArray,
  ...values: readonly (string | readonly string[])[]
): string {
  const words = readWords(texts, values);
  const isMoved = ({ text, kind }: Word, position: number) =>
    kind === 'value' && text.startsWith('-') && !isOption(words[position - 1]);
  const moved = words.filter(isMoved);
  const kept = words.filter((word, position) => !isMoved(word, position));
  return [...kept.map(quoteWord), ...(moved.length > 0 ? ['--', ...moved.map(quoteWord)] : [])].join(' ');
}

/** A command line in a sentence, set off by double quotes; one with quotes of its own stands as it is, to be pasted so. */
export function inSentence(line: string): string {
  return /["'`$]/.test(line) ? line : `"${line}"`;
}

interface Word {
  /** The word as it is meant, without the double quotes that the template has around it. */
  readonly text: string;
  readonly kind: 'own' | 'value' | 'listed';
  readonly isDoubleQuoted: boolean;
}

/** Words end at spaces of the template; those of values part none. */
function readWords(texts: readonly string[], values: readonly (string | readonly string[])[]): Word[] {
  const parts = texts.flatMap((text, position): Part[] => {
    const value = values[position];
    return [...text.split(/( )/).map((own) => ({ own })), ...(value === undefined ? [] : [{ value }])];
  });
  const words: Part[][] = [[]];
  for (const part of parts) {
    if ('own' in part && part.own === ' ') words.push([]);
    else if (!('own' in part) || part.own !== '') words.at(-1)?.push(part);
  }
  return words.flatMap(readWord);
}

type Part = { readonly own: string } | { readonly value: string | readonly string[] };

function readWord(parts: readonly Part[]): Word[] {
  const [first] = parts;
  if (first && 'value' in first && typeof first.value === 'object')
    return first.value.map((text) => ({ text, kind: 'listed', isDoubleQuoted: false }));
  const own = parts.map((part) => ('own' in part ? part.own : '')).join('');
  const text = parts.map((part) => ('own' in part ? part.own : part.value)).join('');
  if (!parts.some((part) => 'value' in part)) return [{ text, kind: 'own', isDoubleQuoted: false }];
  const isDoubleQuoted = /^".*"$/.test(own);
  return [{ text: isDoubleQuoted ? text.slice(1, -1) : text, kind: 'value', isDoubleQuoted }];
}

function isOption(word: Word | undefined): boolean {
  return word?.kind === 'own' && word.text.startsWith('-');
}

function quoteWord({ text, kind, isDoubleQuoted }: Word): string {
  if (kind === 'own') return text;
  return isDoubleQuoted && !/[$`"\\!]/.test(text) ? `"${text}"` : quoteForShell(text);
}
