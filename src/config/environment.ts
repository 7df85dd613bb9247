/** `${NAME}` references to environment variables: the only way a secret gets into the config (rule 10). */

export type Environment = Readonly<Record<string, string | undefined>>;

const reference = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** Why the references in `text` cannot be read as such; `undefined` if they can. */
export function referenceFormProblem(text: string): string | undefined {
  if (!text.replace(reference, '').includes('${')) return undefined;
  return `expected references of the form \${NAME}, with letters, digits and "_" in the name`;
}

/** Why `text` cannot be expanded, in words that never hold a value; `undefined` if it can. */
export function environmentProblem(text: string, env: Environment): string | undefined {
  for (const name of referencedVariables(text)) {
    const value = env[name];
    if (value === undefined) return `the environment variable ${name} is not set`;
    if (value === '') return `the environment variable ${name} is empty`;
    if (/[\u0000-\u001f\u007f]/.test(value))
      return `the environment variable ${name} holds a line break or another control character`;
  }
  return undefined;
}

/** Replaces every reference. Only for text without an `environmentProblem`. */
export function expandReferences(text: string, env: Environment): string {
  return text.replace(reference, (_, name: string) => env[name] ?? '');
}

function referencedVariables(text: string): string[] {
  return [...text.matchAll(reference)].flatMap((match) => match[1] ?? []);
}
