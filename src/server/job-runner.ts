interface JobOptions {
  /** Whether people have been told of a failure already. */
  readonly isTold: (error: unknown) => boolean;
  readonly reporter: {
    failed(job: string, error: unknown): void;
    recovered(job: string): void;
  };
  /** What is behind a failure, where more can be found out than the failure itself says. */
  readonly explain?: ((error: unknown) => Promise<unknown>) | undefined;
  /** One of several workers but the first, which tells for all that `registry.toml` does not load. */
  readonly leavesItToFirst?: boolean | undefined;
  /** Aborted when the server stops: what fails then is no news. */
  readonly signal: AbortSignal;
}

export type JobRunner = ReturnType<typeof createJobRunner>;

/** Runs one of a kind at a time; a failure is told once, until it changes or passes. */
export function createJobRunner({ isTold, reporter, explain, leavesItToFirst, signal }: JobOptions) {
  const running = new Map<string, Promise<void>>();
  return {
    isRunning: (job: string) => running.has(job),
    /** Settles when the one that is running has ended; `undefined` where none is. */
    ending: (job: string) => running.get(job),
    start(job: string, work: () => Promise<void>): void {
      const isToldElsewhere = leavesItToFirst && job === 'reload';
      const done = work().then(
        () => (isToldElsewhere ? undefined : reporter.recovered(job)),
        async (error: unknown) => {
          if (signal.aborted || isToldElsewhere) return;
          const explained = (await explain?.(error).catch(() => error)) ?? error;
          const isKnown = isTold(error) && explained === error;
          if (!signal.aborted && !isKnown) reporter.failed(job, explained);
        },
      );
      running.set(
        job,
        done.finally(() => running.delete(job)),
      );
    },
    async idle(): Promise<void> {
      while (running.size > 0) await Promise.all(running.values());
    },
  };
}

/** A job that is begun again so long after it last began, unless it still runs. */
export function createRepeated(
  runner: JobRunner,
  now: () => number,
  job: string,
  begunAt: number,
  work: () => Promise<void>,
) {
  let lastBegunAt = begunAt;
  return {
    startAfter(pauseMs: number): void {
      if (runner.isRunning(job) || now() - lastBegunAt < pauseMs) return;
      lastBegunAt = now();
      runner.start(job, work);
    },
    /** It is due at once. */
    hurry(): void {
      lastBegunAt = Number.NEGATIVE_INFINITY;
    },
  };
}
