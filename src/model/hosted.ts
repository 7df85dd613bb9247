/** The origin of modules that are published here; no source can be called so. */
export const hosted = 'hosted';
