/** Lets work begin as long as all that is under way takes no more than so many bytes together. */
export interface ByteBudget {
  /** Runs `work` when its bytes fit; work that is larger than everything runs alone. In the order asked for. */
  run<T>(sizeBytes: number, work: () => Promise<T>): Promise<T>;
}

export function createByteBudget(limitBytes: number): ByteBudget {
  let usedBytes = 0;
  const queue: { readonly sizeBytes: number; readonly start: () => void }[] = [];

  function startFitting(): void {
    for (
      let next = queue[0];
      next && (usedBytes === 0 || usedBytes + next.sizeBytes <= limitBytes);
      next = queue[0]
    ) {
      queue.shift();
      usedBytes += next.sizeBytes;
      next.start();
    }
  }

  return {
    async run(sizeBytes, work) {
      await new Promise<void>((start) => {
        queue.push({ sizeBytes, start });
        startFitting();
      });
      try {
        return await work();
      } finally {
        usedBytes -= sizeBytes;
        startFitting();
      }
    },
  };
}
