import { toVisibleLine } from '../support/visible-text.ts';

const longestReason = 500;

/** Why a text is no reason that people can be told in one line; words go after "it". `undefined` if it is one. */
export function reasonProblem(text: string): string | undefined {
  if (text.trim() === '') return 'is empty';
  if (text.length > longestReason || toVisibleLine(text) !== text)
    return `is not one line of visible text, no longer than ${longestReason} characters`;
  return undefined;
}
