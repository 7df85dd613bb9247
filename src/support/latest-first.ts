/**
 * Does at most `count` works at a time. Of those that wait, the one that came last goes first: after a flood that takes
 * seconds, whoever comes next waits for what is under way and not for all of it, and in the flood itself somebody is
 * last in either order.
 */
export function createLatestFirst(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = count;
  const waiting: (() => void)[] = [];

  function leave(): void {
    const next = waiting.pop();
    if (next) next();
    else free += 1;
  }

  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((enter) => waiting.push(enter));
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
