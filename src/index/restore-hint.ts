/** What to do about an index that cannot be put right, and why it must not simply be made anew. */
export const restoreHint =
  'restore a backup (moonbit-registry restore BACKUP NEW_FOLDER) or a copy of the folder (a git clone has too little); ' +
  'otherwise all pins, origins and decisions are lost, and a new beginning believes whatever the sources offer now';

export const damageHint = `"moonbit-registry verify" shows what is damaged; ${restoreHint}`;
