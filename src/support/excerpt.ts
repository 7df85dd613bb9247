const keptBytes = 4096;

/** What something said, however much that was: the first and the last 4 KiB. */
export interface Excerpt {
  push(chunk: Buffer): void;
  /** How many bytes were pushed, kept or not. */
  readonly sizeBytes: number;
  text(): string;
}

export function createExcerpt(): Excerpt {
  let first = Buffer.alloc(0);
  let last = Buffer.alloc(0);
  let sizeBytes = 0;
  return {
    push(chunk) {
      sizeBytes += chunk.length;
      const room = keptBytes - first.length;
      if (room > 0) first = Buffer.concat([first, chunk.subarray(0, room)]);
      const rest = chunk.subarray(Math.max(0, room));
      // Copies: a slice would keep all of a large chunk.
      if (rest.length > 0) last = Buffer.concat([last, rest.subarray(-keptBytes)]).subarray(-keptBytes);
    },
    get sizeBytes() {
      return sizeBytes;
    },
    text() {
      const left = sizeBytes - first.length - last.length;
      const gap = left > 0 ? `\n[${left} bytes left out]\n` : '';
      return `${first.toString()}${gap}${last.toString()}`;
    },
  };
}
