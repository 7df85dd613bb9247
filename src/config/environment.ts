/** `${NAME}` references to environment variables: the only way a secret gets into the config (rule 10). */

export type Environment = Readonly<Record<string, string | undefined>>;

const reference = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** Why the references in `text` cannot be read as such; `undefined` if they can. */
export function referenceFormProblem(text: string): string | undefined {
  if (!text.replace(reference, '').includes('${')) return undefined;
  return `expected references of the form \${NAME}, with letters, digits and "_" in the name`;
}

/** Why `text` cannot be expanded, in words that never hold a value; `undefined` if it can. */
function environmentProblem(text: string, env: Environment): string | undefined {
  for (const name of referencedVariables(text)) {
    const value = env[name];
    if (value === undefined) return `the environment variable ${name} is not set`;
    if (value === '') return `the environment variable ${name} is empty`;
  }
  return undefined;
}

/**
 * Why a credential cannot be sent, naming the variable that it comes from, else its key, in words that never hold a
 * value; `undefined` if it can. Not a problem of the file: it concerns one source, and variables change without it.
 * A bearer token stands in a header as it is (RFC 9110 §5.5); what is sent by `basic` is encoded, but has no control
 * characters (RFC 7617 §2).
 */
export function credentialProblem(
  key: string,
  written: string,
  env: Environment,
  type: 'bearer' | 'basic',
): string | undefined {
  const missing = environmentProblem(written, env);
  if (missing !== undefined) return missing;
  const literal = { place: key, value: written.replace(reference, '') };
  const referenced = referencedVariables(written).map((name) => ({
    place: `the environment variable ${name}`,
    value: env[name] ?? '',
  }));
  for (const { place, value } of [...referenced, literal]) {
    const flaw = flawOf(value, type);
    if (flaw !== undefined) return `${place} holds ${flaw}`;
  }
  return undefined;
}

function flawOf(value: string, type: 'bearer' | 'basic'): string | undefined {
  if (/[\ufeff\ufffe]/.test(value)) return 'a byte-order mark';
  if (/[\r\n\u0085\u2028\u2029]/.test(value)) return 'a line break';
  if (/[\p{Cc}\p{Cs}]/u.test(value)) return 'a control character';
  if (type === 'basic') return /\p{Cf}/u.test(value) ? 'an invisible character' : undefined;
  if (/[^ -~]/.test(value)) return 'a character outside ASCII, which no token can have';
  return /^ | $/.test(value) ? 'a space at its beginning or its end' : undefined;
}

/** Replaces every reference. Only for text without an `environmentProblem`. */
export function expandReferences(text: string, env: Environment): string {
  return text.replace(reference, (_, name: string) => env[name] ?? '');
}

function referencedVariables(text: string): string[] {
  return [...text.matchAll(reference)].flatMap((match) => match[1] ?? []);
}
