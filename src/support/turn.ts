/**
 * Calls what it was given during one turn of the event loop together, at its end. Writing to a socket wakes whoever
 * reads it, which costs more than the writing: of answers written in a row, only the first pays that.
 */
export function createEndOfTurn(): (work: () => void) => void {
  let waiting: (() => void)[] = [];
  function flush(): void {
    const works = waiting;
    waiting = [];
    for (const work of works) work();
  }
  return (work) => {
    if (waiting.push(work) === 1) setImmediate(flush);
  };
}
