/** A token in all the ways in which it could be given away. */
function spellingsOf(token: string): string[] {
  const bytes = Buffer.from(token);
  const all = [
    token,
    token.toUpperCase(),
    token.toLowerCase(),
    bytes.toString('base64'),
    // Within the base64 of something longer it begins at any of three places.
    ...[1, 2].map((before) =>
      Buffer.concat([Buffer.alloc(before), bytes])
        .toString('base64')
        .slice(4, -4),
    ),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    encodeURIComponent(token),
    [...token].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join(''),
    [...token].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join(''),
  ];
  return [...new Set(all)];
}

/** Which spelling of the token stands there, with what nobody sees between its letters or without. */
export function findSecret(text: string, token: string): string | undefined {
  const seen = text.replace(/\\u(?:00ad|200b)|[\p{Cf}\p{Mn}]/giu, '');
  return spellingsOf(token).find((spelling) => seen.includes(spelling) || text.includes(spelling));
}

/** What a terminal would obey or not show; line breaks are layout. */
export function findUnsafe(text: string): string | undefined {
  const found = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.exec(text);
  return found === null
    ? undefined
    : JSON.stringify(text.slice(Math.max(0, found.index - 40), found.index + 5));
}
