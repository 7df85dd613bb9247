/** Every state there was, oldest first, and since when each counts: 36 bytes for one. */
export interface StateTimeline {
  readonly count: number;
  /** `seconds`: what its commit says, by whatever the clock said then. */
  append(id: string, seconds: number): void;
  idAt(position: number): string;
  /** What its commit says, in seconds. */
  writtenAt(position: number): number;
  /**
   * Since when it counts, in seconds. Never before the state in front of it: where the clock was set back, what was decided until it
   * had caught up counts as of the latest moment that was written down. So nothing that is appended changes what was in
   * force at an earlier moment, and an address with a date names the same state for ever.
   */
  secondsAt(position: number): number;
  /** The one that was in force at a moment, that second included: the last that counts by then. -1 before the first. */
  inForceAt(seconds: number): number;
  /** Which ids begin so (hex digits); two of them are enough to know that there are several. */
  startingWith(prefix: string): readonly number[];
}

const idBytes = 20;

export function createStateTimeline(): StateTimeline {
  let ids = Buffer.alloc(64 * idBytes);
  let written = new Float64Array(64);
  let counting = new Float64Array(64);
  let count = 0;
  const idAt = (position: number) => ids.toString('hex', position * idBytes, (position + 1) * idBytes);
  const secondsAt = (position: number) => counting[position] ?? Number.NaN;

  function grow(): void {
    ids = Buffer.concat([ids, Buffer.alloc(ids.length)]);
    written = twiceAsLong(written);
    counting = twiceAsLong(counting);
  }

  return {
    get count() {
      return count;
    },
    append(id, seconds) {
      if (count === written.length) grow();
      ids.write(id, count * idBytes, 'hex');
      written[count] = seconds;
      counting[count] = count === 0 ? seconds : Math.max(seconds, secondsAt(count - 1));
      count++;
    },
    idAt,
    writtenAt: (position) => written[position] ?? Number.NaN,
    secondsAt,
    inForceAt(seconds) {
      let [from, to] = [0, count];
      while (from < to) {
        const middle = (from + to) >>> 1;
        if (secondsAt(middle) <= seconds) from = middle + 1;
        else to = middle;
      }
      return from - 1;
    },
    startingWith(prefix) {
      const whole = Buffer.from(prefix.slice(0, prefix.length & ~1), 'hex');
      const found: number[] = [];
      for (let position = 0; position < count && found.length < 2; position++) {
        const at = position * idBytes;
        if (ids.compare(whole, 0, whole.length, at, at + whole.length) !== 0) continue;
        if (idAt(position).startsWith(prefix)) found.push(position);
      }
      return found;
    },
  };
}

function twiceAsLong(numbers: Float64Array): Float64Array<ArrayBuffer> {
  const longer = new Float64Array(numbers.length * 2);
  longer.set(numbers);
  return longer;
}
