import { homedir } from 'node:os';

/** The home of the user who runs this process; `undefined` where there is none: no HOME, and no entry for the user in passwd. */
export function findHomeDirectory(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}
