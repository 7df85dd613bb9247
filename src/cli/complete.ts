import type { Command } from 'commander';
import { toVisibleLine } from '../support/visible-text.ts';
import { type OfferedWord, offerAt } from './completion-offers.ts';
import { findPlace } from './completion-place.ts';
import { directoryIn, wordsOf } from './completion-words.ts';
import type { CommandContext, Run } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { createProgram } from './program.ts';

/** What the completion scripts of shells call: `complete -- WORDS…`, the last of which is unfinished. */
export function defineComplete(parent: Command, run: Run): void {
  parent
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action((words: string[]) =>
      run(async (context) => {
        const lines = await suggestWords(words, context);
        context.output.result({ text: lines.join('\n'), json: lines, isForPrograms: true });
        return exitCodes.done;
      }),
    );
}

/** What the scripts are told in the last line, `:N`; the numbers are those that completion scripts commonly have. */
const directives = { noSpace: 2, noFiles: 4, onlyFolders: 16 } as const;

/** More than a terminal shows: names are then completed part by part. */
const maxWords = 500;

/** What any shell takes as it is: a name may be anything that an upstream registry lets through. */
const plain = /^[\p{L}\p{N}_./@:+=-]+$/u;

/** Suggestions as `WORD<TAB>DESCRIPTION`, and last the directive. */
async function suggestWords(words: readonly string[], context: CommandContext): Promise<string[]> {
  const program = createProgram({ run: async () => {}, writeHelp: () => {}, columns: undefined });
  const place = findPlace(program, words);
  const prefix = place.kind === 'value' ? place.prefix : '';
  const typed = (words.at(-1) ?? '').slice(prefix.length);
  const offer = offerAt(place, words);
  if (offer.kind === 'files') return [':0'];
  if (offer.kind === 'folders') return [`:${directives.onlyFolders}`];
  const found = await wordsOf(offer, typed, directoryIn(words, context), context);
  const { fitting, isWhole } = narrow(found, typed);
  const lines = fitting.map(({ word, about }) => `${prefix}${word}${about && `\t${toVisibleLine(about)}`}`);
  return [...lines, `:${directives.noFiles + (isWhole ? 0 : directives.noSpace)}`];
}

/** The words that begin as typed; where there are too many, their next part, up to a slash or a dot. */
function narrow(words: readonly OfferedWord[], typed: string) {
  const fitting = words.filter(({ word }) => word.startsWith(typed) && plain.test(word));
  if (fitting.length <= maxWords) return { fitting, isWhole: true };
  const parts = new Set(
    fitting.map(({ word }) => word.slice(0, word.slice(typed.length).search(/[/.]|$/) + typed.length + 1)),
  );
  return { fitting: [...parts].slice(0, maxWords).map((word) => ({ word, about: '' })), isWhole: false };
}
