import { userInfo } from 'node:os';

/** The name of the user who runs this process; `uid 1000` where the system has no name for it, as in many containers. */
export function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
