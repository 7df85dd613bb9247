/** A seeded source of chance: the same seed gives the same numbers on every machine. */
export interface Random {
  /** At least 0, below 1. */
  next(): number;
  /** A whole number at least 0 and below `limit`. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly [T, ...T[]]): T;
  /** Lowercase hex digits. */
  hex(length: number): string;
}

/** The parts of the seed are told apart: `('a', 1)` and `('a1')` are different seeds. */
export function createRandom(...seed: readonly (string | number)[]): Random {
  // sfc32 (Doty-Humphrey): 128 bits of state, and cheap enough to make one generator per module.
  let [a, b, c, counter] = [hash(seed, 1), hash(seed, 2), hash(seed, 3), 1];
  const nextWord = (): number => {
    const word = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + word;
    return word >>> 0;
  };
  for (let round = 0; round < 12; round++) nextWord();
  const next = () => nextWord() / 2 ** 32;
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (items) => items[below(items.length)] ?? items[0],
    hex: (length) =>
      Array.from({ length: Math.ceil(length / 8) }, () => nextWord().toString(16).padStart(8, '0'))
        .join('')
        .slice(0, length),
  };
}

// FNV-1a over UTF-16 units with a final mix.
function hash(parts: readonly (string | number)[], salt: number): number {
  const text = parts.join('\u0000');
  let value = 2166136261 ^ salt;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 16777619);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return value ^ (value >>> 16);
}
