const maxPhraseLength = 120;

/**
 * One line of ASCII, as a status line takes it; what others may have written is shortened, and none of it obeyed. Letters lose
 * their accents, dashes and quotes their shape; what is left of others is `?`.
 */
export function toPhrase(text: string): string {
  const line = text
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .replaceAll(/\p{Pd}/gu, '-')
    .replaceAll(/[\u2018\u2019]/g, "'")
    .replaceAll(/[\u201c-\u201e]/g, '"')
    .replaceAll(/[^\u0020-\u007e]+/g, (run) => (/^\s+$/.test(run) ? ' ' : '?'))
    .replaceAll(/ {2,}/g, ' ')
    .trim();
  return line.length <= maxPhraseLength ? line : `${line.slice(0, maxPhraseLength - 3).trimEnd()}...`;
}
