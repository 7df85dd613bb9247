import pc from 'picocolors';
import { toVisibleText } from '../support/visible-text.ts';
import type { Io, OutputStream } from './io.ts';

/**
 * The only way to what people read. Strings come from anywhere, so what could steer a terminal is escaped in all of
 * them; what steers it on purpose is a `Sequence`, which no text can be taken for.
 */
export interface Terminal {
  write(...parts: readonly (string | Sequence)[]): void;
  /** As it is: for programs alone, such as a shell that reads a script of ours. */
  writeRaw(text: string): void;
  readonly isTTY: boolean;
  readonly columns: number | undefined;
  readonly style: Styles;
}

/** Text that a terminal obeys. A class, so that there is none but those made here. */
export class Sequence {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toRaw(): string {
    return this.#text;
  }
}

/** Colours where the stream takes them; the text in them is escaped like any other. */
interface Styles {
  yellow(text: string): Sequence;
  red(text: string): Sequence;
}

/** Back to the beginning of the line, and erases it. */
export const clearLine = new Sequence('\r\u001b[K');

/** Colour only on a terminal, and never with `NO_COLOR` (no-color.org) or `TERM=dumb`. */
function wantsColor(stream: OutputStream, env: Io['env']): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

export function createTerminal(stream: OutputStream, env: Io['env']): Terminal {
  const colors = pc.createColors(wantsColor(stream, env));
  return {
    write(...parts) {
      const texts = parts.map((part) => (part instanceof Sequence ? part.toRaw() : toVisibleText(part)));
      stream.write(texts.join(''));
    },
    writeRaw: (text) => void stream.write(text),
    isTTY: stream.isTTY === true,
    columns: stream.columns,
    style: {
      yellow: (text) => new Sequence(colors.yellow(toVisibleText(text))),
      red: (text) => new Sequence(colors.red(toVisibleText(text))),
    },
  };
}
