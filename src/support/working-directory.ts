import { StorageError } from '../errors.ts';

/** Where the process stands. Throws `StorageError` where that folder is gone or closed to this user, as Linux tells then. */
export function findWorkingDirectory(look: () => string): string {
  try {
    return look();
  } catch (cause) {
    throw new StorageError('the folder in which this command was started is gone, or may not be looked at', {
      hint: 'change to another folder (cd) and run it there',
      cause,
    });
  }
}
