/**
 * Patterns over whole module names. `*` stands for any run of characters, slashes included; every other
 * character stands for itself. So few forms on purpose: whether two patterns overlap, or one covers the
 * other, can be decided before anything is saved.
 */

/** Why `text` cannot be a pattern; `undefined` if it can. */
export function patternProblem(text: string): string | undefined {
  if (text === '') return 'it is empty';
  if (text !== '*' && !text.includes('/') && !text.includes('*'))
    return `it names no module: write "${text}/*" for an owner's modules`;
  const placeholder = /<[^<>]*>/.exec(text);
  if (placeholder) return `write a name instead of ${placeholder[0]}`;
  if (/[\u0000-\u0020\u007f\\:@?[\]{}<>"|#%]/.test(text))
    return 'only "*" is special, and names contain no such character';
  return undefined;
}

/** Linear-time wildcard match: no pattern can make it slow. */
export function matchesPattern(pattern: string, name: string): boolean {
  return covers(pattern, name);
}

export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, name));
}

/** Whether every name that `narrow` matches is matched by `wide`: a `*` of `narrow` needs a `*` of `wide`. */
export function covers(wide: string, narrow: string): boolean {
  let w = 0;
  let n = 0;
  let star = -1;
  let resume = 0;
  while (n < narrow.length) {
    if (wide[w] === '*') {
      star = w++;
      resume = n;
    } else if (wide[w] !== undefined && wide[w] === narrow[n] && narrow[n] !== '*') {
      w++;
      n++;
    } else if (star >= 0) {
      w = star + 1;
      n = ++resume;
    } else return false;
  }
  while (wide[w] === '*') w++;
  return w === wide.length;
}

/** Whether some name could match both patterns. */
export function overlaps(a: string, b: string): boolean {
  // reachable[j]: whether the part of `a` read so far can match the first j characters of `b`'s pattern
  let reachable = closeOverStars([true, ...Array<boolean>(b.length).fill(false)], b);
  for (let i = 0; i < a.length; i++) {
    const next = Array<boolean>(b.length + 1).fill(false);
    for (let j = 0; j <= b.length; j++) {
      if (!reachable[j]) continue;
      if (a[i] === '*') {
        for (let k = j; k <= b.length; k++) next[k] = true;
      } else if (b[j] === '*') next[j] = true;
      else if (b[j] === a[i]) next[j + 1] = true;
    }
    reachable = closeOverStars(next, b);
  }
  return reachable[b.length] === true;
}

function closeOverStars(reachable: boolean[], b: string): boolean[] {
  for (let j = 0; j < b.length; j++) if (reachable[j] && b[j] === '*') reachable[j + 1] = true;
  return reachable;
}
