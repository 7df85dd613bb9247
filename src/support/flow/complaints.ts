import { identifyFailure } from './failure-identity.ts';

/**
 * What has been complained of, so that each thing is told once until it is well again, by whatever words chance gives it.
 * Failures that take turns are no news either.
 */
export interface Complaints {
  /** Whether this was not told yet of the topic, since that was last well. */
  isNew(topic: string, error: unknown): boolean;
  /** The topic is well; whether it was complained of. */
  isWell(topic: string): boolean;
}

export function createComplaints(): Complaints {
  const told = new Map<string, Set<string>>();
  return {
    isNew(topic, error) {
      const identities = told.get(topic) ?? new Set();
      told.set(topic, identities);
      const identity = identifyFailure(error);
      if (identities.has(identity)) return false;
      identities.add(identity);
      return true;
    },
    isWell: (topic) => told.delete(topic),
  };
}
