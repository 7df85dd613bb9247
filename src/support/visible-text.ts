/**
 * The one rule for what may reach somebody's terminal raw, and for how the rest is shown. Names, versions, messages and
 * headers come from upstream, and a terminal obeys or hides some characters instead of showing them: controls (C0, DEL,
 * C1), everything that is invisible or reorders its surroundings (format characters, whatever Unicode says to ignore
 * by default, line and paragraph separators, tags), halves of a character, and noncharacters.
 *
 * Kept is what names are really written with: every visible character, whatever its script, and the two that emoji are made
 * with, where they make one: a zero width joiner between two emoji (module names may hold one), and U+FE0E or U+FE0F after
 * an emoji or within a keycap. Anywhere else those would be invisible differences between names, and are shown as escapes too.
 * Nothing is dropped: what is shown says which character stands there.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u;
const allUnsafe = new RegExp(unsafe.source, 'gu');

const joiner = '\u200d';
const selector = /^[\ufe0e\ufe0f]$/;
const endsInEmoji = /\p{Extended_Pictographic}(?:\ufe0f|\p{Emoji_Modifier})?$/u;
const endsInPlainEmoji = /\p{Extended_Pictographic}$/u;
const beginsWithEmoji = /^\p{Extended_Pictographic}/u;
/** Two characters outside the basic plane, or an emoji and its selector. */
const neighbourLength = 4;

/** `text` for people to read: unsafe characters as `\u009b` or `\u{e0041}`, but for line breaks. */
export function toVisibleText(text: string): string {
  return escapeUnsafe(text, (character) => {
    if (character === '\n') return character;
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** As `toVisibleText`, on one line. */
export function toVisibleLine(text: string): string {
  return toVisibleText(text).replaceAll('\n', '\\u000a');
}

/** JSON with unsafe characters as `\uXXXX`: it parses to the same value. */
export function toVisibleJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, undefined, indent);
  // Line breaks are layout: those within strings have been escaped.
  return escapeUnsafe(json, (character) => (character === '\n' ? character : escapeUnits(character)));
}

function escapeUnits(character: string): string {
  const units = Array.from({ length: character.length }, (_, position) => character.charCodeAt(position));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

function escapeUnsafe(text: string, show: (character: string) => string): string {
  if (!unsafe.test(text)) return text;
  return text.replace(allUnsafe, (character, position: number) =>
    isPartOfEmoji(text, character, position) ? character : show(character),
  );
}

/** Whether it makes one emoji of its neighbours. */
function isPartOfEmoji(text: string, character: string, position: number): boolean {
  if (character !== joiner && !selector.test(character)) return false;
  const before = text.slice(Math.max(0, position - neighbourLength), position);
  const after = text.slice(position + 1, position + 1 + neighbourLength);
  if (character === joiner) return endsInEmoji.test(before) && beginsWithEmoji.test(after);
  return endsInPlainEmoji.test(before) || (/[0-9#*]$/.test(before) && after.startsWith('\u20e3'));
}
