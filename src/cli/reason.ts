import { reasonProblem } from '../model/reason.ts';
import { shellLine } from '../support/shell.ts';
import { CommandLineError } from './exit-codes.ts';

/** One line that people are told. `words`: the command that it is of, for whoever left it out. */
export function readReason(
  reason: string | undefined,
  words: readonly [command: string, what: string],
): string {
  const line = reason?.trim() ?? '';
  if (line === '')
    throw new CommandLineError('say why, in one line that everybody is told who asks for it', {
      hint: shellLine`moonbit-registry ${words[0].split(' ')} ${words[1]} --reason "CVE-2026-1: use 1.2.1"`,
    });
  const problem = reasonProblem(line);
  if (problem !== undefined) throw new CommandLineError(`what --reason says ${problem}`);
  return line;
}
