import pc from 'picocolors';
import { toVisibleText } from '../support/visible-text.ts';
import type { Io, OutputStream } from './io.ts';

/**
 * The only way to what people read. Strings come from anywhere, so what could steer a terminal is escaped in all of
 * them; what steers it on purpose is a `Sequence`, which no text can be taken for.
 */
export interface Terminal {
  write(...parts: readonly (string | Sequence)[]): void;
  /** Writes a text as it is: for programs alone, such as a shell that reads a script of ours. */
  writeRaw(text: string): void;
  readonly isTTY: boolean;
  readonly columns: number | undefined;
  /** Where lines are to be broken; `undefined` where they are not, since a program may read them. */
  readonly width: number | undefined;
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

/** Never with `NO_COLOR` (no-color.org), anywhere with `FORCE_COLOR` (but 0), else on a terminal that is not `TERM=dumb`. */
function wantsColor(stream: OutputStream, env: Io['env']): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/** A terminal that does not say how wide it is. */
const usualColumns = 80;
const fewestColumns = 20;

/** How wide a terminal is: `COLUMNS`, where its user set that, else as it says itself. */
export function columnsOf(stream: OutputStream, env: Io['env']): number | undefined {
  const stated = /^\d{1,4}$/.test(env.COLUMNS ?? '') ? Number(env.COLUMNS) : 0;
  return stated || stream.columns || undefined;
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
    width:
      stream.isTTY === true ? Math.max(fewestColumns, columnsOf(stream, env) ?? usualColumns) : undefined,
    style: {
      yellow: (text) => new Sequence(colors.yellow(toVisibleText(text))),
      red: (text) => new Sequence(colors.red(toVisibleText(text))),
    },
  };
}
