/** A commit that says what is served, for requests that come by the thousand a second. */
export interface FreshCommit {
  /** As it is now. */
  read(): Promise<string>;
  /** As it was read within the last few milliseconds, by whichever request; `undefined` if none did. */
  glance(): string | undefined;
}

/**
 * Less than a client needs from the answer that names a commit to its next request, and enough that a crowd does not
 * look at the disk once each. A client that was told of a commit by this process is answered by it at once.
 */
const freshForMs = 5;

export function createFreshCommit(readAfresh: () => Promise<string>, now: () => number): FreshCommit {
  let known = '';
  let knownUntil = Number.NEGATIVE_INFINITY;
  return {
    async read() {
      const askedAt = now();
      const commit = await readAfresh();
      known = commit;
      knownUntil = askedAt + freshForMs;
      return commit;
    },
    glance: () => (now() < knownUntil ? known : undefined),
  };
}
