/** The variables of an environment, by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What this process was started with. Nobody else reads `process.env`: who needs a variable is handed an environment. */
export const processEnvironment: Environment = process.env;
