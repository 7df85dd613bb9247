/** How many requests a source gets at the same time, unless the file says otherwise. */
export const defaultMaxConcurrency = 32;
