/**
 * What opening a registry may do to its data, decided once for all that is then done with it (decision 0038).
 *
 * - `read`: nothing. It takes no lock, makes no folder, migrates nothing; data of an older format, or a served index that a
 *   killed process left behind, are looked at as they are. What has to be written all the same goes to a scratch folder.
 * - `write`: all that a change needs; a disk that refuses is a failure.
 * - `serve`: the same, but what is there is served where the disk refuses, and what cannot be kept is not kept.
 */
export type OpenMode = 'read' | 'write' | 'serve';
