/** A page of the documentation as its reader uses it: commands to paste, and what they print. */
export interface CommandBlock {
  /** For messages. */
  readonly line: number;
  readonly commands: string;
  /** What stands below as `text`: all that the commands print on stdout, `…` standing for anything. */
  readonly prints: string | undefined;
  /** From `<!-- not run: REASON -->` above it. */
  readonly notRun: string | undefined;
}

interface Fence {
  readonly language: string;
  readonly line: number;
  readonly text: string;
  readonly notRun: string | undefined;
}

export function readCommandBlocks(markdown: string): CommandBlock[] {
  const fences = readFences(markdown);
  return fences.flatMap(({ language, line, text, notRun }, position) => {
    const next = fences[position + 1];
    const prints = next?.language === 'text' ? next.text : undefined;
    return language === 'sh' ? [{ line, commands: text, prints, notRun }] : [];
  });
}

/** The texts of the blocks of one language. */
export function readBlocks(markdown: string, language: string): string[] {
  return readFences(markdown)
    .filter((fence) => fence.language === language)
    .map(({ text }) => text);
}

/** Whether `printed` is what a page promises. */
export function isAsPromised(printed: string, promised: string): boolean {
  const pattern = promised
    .trimEnd()
    .split('\n')
    .map((line) => (line === '…' ? '(?:.*\n)*?.*' : line.split('…').map(escapeForRegExp).join('.*')))
    .join('\n');
  return new RegExp(`^${pattern}$`).test(printed.trimEnd());
}

function readFences(markdown: string): Fence[] {
  const form = /(?:<!-- not run: (.*?) -->\n)?^```(\w*)\n([\s\S]*?)^```$/gm;
  return [...markdown.matchAll(form)].map(
    ({ 0: whole, 1: notRun, 2: language = '', 3: text = '', index }) => ({
      language,
      text,
      notRun,
      line: `${markdown.slice(0, index)}${whole.slice(0, whole.indexOf('```'))}`.split('\n').length,
    }),
  );
}

function escapeForRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
