/** Breaks lines between words, for a terminal of some width. Nothing is ever cut inside a word. Everything here is pure. */

/** Lines that are made to be pasted, a label or a prompt before them or not, and such as go on with options: each stays one command. */
const commandLine = /^ *(?:[A-Za-z]+: )?(?:\$ )?(?:[A-Z_]+=\S+ |moonbit-registry )|^ +--[a-z][a-z-]* /;
const commandName = 'moonbit-registry';

/** Each line on its own; what continues one stands two columns further in. */
export function wrapText(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => (line.length <= width ? [line] : wrapLine(line, width)))
    .join('\n');
}

/** The words of a cell or paragraph, in lines of at most `width` columns where no word is longer. */
export function wrapWords(text: string, width: number): string[] {
  return fill(text.split(' ').filter(Boolean), { width, indent: '', first: '', end: '' });
}

function wrapLine(line: string, width: number): string[] {
  const first = /^ */.exec(line)?.[0] ?? '';
  const indent = `${first}  `;
  const text = line.slice(first.length);
  if (!commandLine.test(line))
    return fill(phrases(text, width - indent.length), { width, indent, first, end: '' });
  const [command, rest] = splitCommand(text);
  const lines = fill(joinMarks(command), { width, indent, first, end: ' \\' });
  return rest === ''
    ? lines
    : [...lines, ...fill(phrases(rest, width), { width, indent, first: indent, end: '' })];
}

interface Shape {
  readonly width: number;
  /** Before all lines but the first. */
  readonly indent: string;
  readonly first: string;
  /** After all lines but the last. */
  readonly end: string;
}

function fill(pieces: readonly string[], { width, indent, first, end }: Shape): string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const piece of pieces) {
    if (line === undefined) line = `${first}${piece}`;
    else if (line.length + 1 + piece.length + end.length <= width) line += ` ${piece}`;
    else {
      lines.push(`${line}${end}`);
      line = `${indent}${piece}`;
    }
  }
  return line === undefined ? [] : [...lines, line];
}

/** The words of prose, in which a command stays in one piece as long as it fits. */
function phrases(text: string, width: number): string[] {
  const pieces: string[] = [];
  let command: string[] = [];
  const flush = () => {
    const whole = command.join(' ');
    pieces.push(...(whole === '' ? [] : whole.length <= width ? [whole] : command));
    command = [];
  };
  for (const word of wordsOf(text, longestQuote.prose)) {
    if (command.length > 0 && word.trimStart().startsWith('(')) flush();
    if (command.length === 0 && !word.includes(commandName)) pieces.push(word);
    else {
      command.push(word);
      if (endsCommand(word)) flush();
    }
  }
  flush();
  return pieces;
}

/** The command at the beginning of a line, and what is said after it. */
function splitCommand(text: string): [words: readonly string[], rest: string] {
  const words = joinMarks(wordsOf(text, longestQuote.command));
  const remark = words.findIndex((word) => word.trimStart().startsWith('('));
  const last = words.findIndex((word, position) => position > 0 && /[;,]$/.test(word));
  const length = Math.min(...[remark, last < 0 ? last : last + 1, words.length].filter((end) => end >= 0));
  return [words.slice(0, length), words.slice(length).join(' ').trimStart()];
}

/** A label or a prompt belongs to the command after it, and a backslash to the word before it. */
function joinMarks(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const word of words) {
    const before = joined.at(-1);
    if (before !== undefined && (word === '\\' || /^(?:[A-Za-z]+:|(?:[A-Za-z]+: )?\$)$/.test(before)))
      joined[joined.length - 1] = `${before} ${word}`;
    else joined.push(word);
  }
  return joined;
}

/** What stands in quotes is one word of a command, and of prose where it is short. */
const longestQuote = { command: 500, prose: 40 };

/** Each with the spaces before it, where there is more than one. */
function wordsOf(text: string, longest: number): string[] {
  const word = new RegExp(` *(?:\\(?"[^"]{0,${longest}}"\\S*|'[^']{0,${longest}}'\\S*|\\S+)`, 'g');
  return (text.match(word) ?? []).map((found, position) => (position === 0 ? found : found.slice(1)));
}

function endsCommand(word: string): boolean {
  return /[,;:.)]$/.test(word) || /^["'(].*["']$/.test(word);
}
