import type { Sequence, Terminal } from './terminal.ts';

/** Words that our reports write in capitals for what is not as it should be, and in which colour. */
const colors = { WARNING: 'yellow', STALE: 'yellow', HELD: 'yellow', FAILURE: 'red' } as const;
const label = new RegExp(`(?<=^|\\s)(${Object.keys(colors).join('|')})(?=[\\s,:]|$)`, 'gm');

/** The text in parts, those words in their colours. */
export function highlight(text: string, style: Terminal['style']): (string | Sequence)[] {
  return text.split(label).map((part) => {
    const color = Object.hasOwn(colors, part) ? colors[part as keyof typeof colors] : undefined;
    return color === undefined ? part : style[color](part);
  });
}
