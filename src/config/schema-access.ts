/** How a source is reached: the shapes of its credentials, its certificates, and of what it is told we are. */
import * as v from 'valibot';
import {
  branchPattern,
  secretFilePattern,
  secretPattern,
  userAgentPattern,
  usernamePattern,
} from './patterns.ts';
import { about, choice, expectedType, forEditors, refuse, setting, table, text } from './schema-kit.ts';

const secret = v.pipe(v.string(expectedType('a string')), forEditors({ pattern: secretPattern }));
const username = v.pipe(v.string(expectedType('a string')), forEditors({ pattern: usernamePattern }));

const secretFile = v.pipe(
  text,
  v.rawCheck(
    refuse((value) => {
      if (value.trim() === '') return 'expected a path, got nothing';
      if (/[\u0000-\u001f\u007f]/.test(value)) return 'expected no control characters';
      if (value.includes('${'))
        return 'expected a path: references to the environment work in "token" and "password"';
      if (value.startsWith('~'))
        return 'expected a path relative to this file, or an absolute one: "~" means nothing here';
      return undefined;
    }),
  ),
  forEditors({ pattern: secretFilePattern }),
);

const commandForm =
  'a list of words such as ["vault", "read", "-field=token", "secret/partner"], run without a shell';
const command = v.pipe(
  v.array(
    v.pipe(
      text,
      v.regex(/^[^\u0000]*$/, 'expected no NUL character'),
      forEditors({ pattern: '^[^\\u0000]*$' }),
    ),
    expectedType(commandForm),
  ),
  v.check((words) => (words[0] ?? '').trim() !== '', `expected ${commandForm}`),
  v.metadata({ valueType: 'list of strings', isOfFileAlone: true }),
  forEditors({ minItems: 1 }),
);

/** What credentials of each type consist of, besides `type`: of every group of settings, which say the same in different ways, one. */
export const settingsOfAuthType = {
  bearer: [['token', 'token_file', 'token_command']],
  basic: [['username'], ['password', 'password_file']],
} as const;

const [bearerKeys] = settingsOfAuthType.bearer;
const [usernameKeys, passwordKeys] = settingsOfAuthType.basic;

export const auth = v.pipe(
  table({
    type: about(choice(['bearer', 'basic']), 'How to authenticate: a token, or a user name and password'),
    token: setting(
      secret,
      `For bearer: a \`\${NAME}\` reference to the environment, or \`\${file:PATH}\` to a file`,
    ),
    token_file: setting(secretFile, 'For bearer: the file that holds the token; read whenever it is sent'),
    token_command: setting(
      command,
      'For bearer: a command that prints the token, run without a shell; written by hand, no command sets it',
    ),
    username: setting(username, 'For basic'),
    password: setting(
      secret,
      `For basic: a \`\${NAME}\` reference to the environment, or \`\${file:PATH}\` to a file`,
    ),
    password_file: setting(
      secretFile,
      'For basic: the file that holds the password; read whenever it is sent',
    ),
  }),
  forEditors({
    allOf: [
      whereTypeIs('bearer', [...usernameKeys, ...passwordKeys], [], bearerKeys),
      whereTypeIs('basic', bearerKeys, usernameKeys, passwordKeys),
    ],
  }),
);

function whereTypeIs(
  type: string,
  meaningless: readonly string[],
  required: readonly string[],
  oneOf: readonly string[],
) {
  return {
    if: { properties: { type: { const: type } }, required: ['type'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: {
      properties: {
        ...Object.fromEntries(meaningless.map((key) => [key, false])),
        ...Object.fromEntries(required.map((key) => [key, true])),
      },
      required,
      oneOf: oneOf.map(has),
    },
  };
}

export const tls = v.pipe(
  table({
    certificate: setting(
      secretFile,
      'File (PEM) of the certificate, with its chain, by which this registry shows who it is',
    ),
    key: setting(secretFile, 'File (PEM) of its private key, which is not encrypted'),
    ca: setting(
      secretFile,
      'File (PEM) of authorities that are trusted for this source, beside those that are trusted for all',
    ),
  }),
  forEditors({
    allOf: [needs('certificate', 'key'), needs('key', 'certificate')],
  }),
);

function needs(key: string, other: string) {
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  return { if: has(key), then: has(other) };
}

function has(key: string) {
  return { properties: { [key]: true }, required: [key] };
}

export const indexBranch = v.pipe(
  text,
  v.rawCheck(refuse(branchProblem)),
  forEditors({ pattern: branchPattern, maxLength: 200 }),
);

/** git's own rules for names of branches (git-check-ref-format). */
function branchProblem(name: string): string | undefined {
  if (name.startsWith('refs/')) return 'expected the name of a branch such as "main", without "refs/heads/"';
  const isName = new RegExp(branchPattern).test(name) && name.length <= 200;
  return isName ? undefined : 'expected the name of a branch, such as "main" or "release/2026"';
}

export const userAgent = v.pipe(
  text,
  v.regex(
    new RegExp(userAgentPattern),
    'expected 1 to 200 printable ASCII characters, such as "git/2.39.5", without a space at either end',
  ),
);
