/** What people type by habit of other programs, and what that is called here. */

type Words = Readonly<Record<string, string>>;

/** By the command they are typed after; each value is what to type instead, after the program's name. */
const otherWords: Readonly<Record<string, Words>> = {
  '': {
    start: 'serve',
    run: 'serve',
    server: 'serve',
    ls: 'list',
    search: 'list',
    find: 'list',
    info: 'explain OWNER/NAME',
    why: 'explain OWNER/NAME',
    outdated: 'list --outdated PROJECT',
    version: '--version',
    add: 'source add NAME',
    rm: 'source remove NAME',
    remove: 'source remove NAME',
    delete: 'source remove NAME',
    logout: 'source logout NAME',
    upload: 'publish',
    push: 'publish',
    pack: 'publish --dry-run',
    stage: 'publish --stage',
    approve: 'staged approve ID',
    reject: 'staged reject ID',
    review: 'staged show ID',
    deprecate: 'yank OWNER/NAME@VERSION',
    fetch: 'mirror',
    download: 'mirror',
    refresh: 'sync',
    check: 'doctor',
    settings: 'config',
  },
  source: { ls: 'source list', rm: 'source remove NAME', delete: 'source remove NAME', mv: 'source rename' },
};

/** The hint for a word that is no command here; `after` is the command before it, `''` for none. `undefined` for words that mean nothing. */
export function hintForOtherWord(after: string, word: string): string | undefined {
  const meant = new Map(Object.entries(otherWords[after] ?? {})).get(word);
  return meant === undefined ? undefined : `did you mean "moonbit-registry ${meant}"?`;
}
