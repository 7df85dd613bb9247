declare const __VERSION__: string;

/** The version of this program, from package.json at build time. */
export const programVersion: string = __VERSION__;
