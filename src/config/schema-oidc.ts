/** The shape of `[[access.oidc]]`: machines that show who they are by a token of somebody else's. */
import * as v from 'valibot';
import { isLoopbackHost } from '../support/net/host-name.ts';
import { oidcIssuerPattern } from './patterns.ts';
import { about, address, expected, forEditors, setting, table, text } from './schema-kit.ts';
import { patterns, sourceName } from './schema-values.ts';

/** Why `text` names no issuer; `undefined` if it does. */
function issuerProblem(text: string): string | undefined {
  const expectedForm = 'expected an address such as "https://token.actions.githubusercontent.com"';
  if (!/^https?:\/\/[^/?#@\s\\]+(?:\/[^?#\s\\]*)?$/.test(text) || !URL.canParse(text)) return expectedForm;
  const { protocol, hostname } = new URL(text);
  if (protocol === 'https:' || isLoopbackHost(hostname)) return undefined;
  return 'expected https: whoever can change what is read on the way could be anybody (http is for this machine alone)';
}

const claimText = v.pipe(text, v.nonEmpty('expected a text, got nothing'), forEditors({ minLength: 1 }));
const claimForm = 'a text, a number, true or false, or a list of texts';
const claim = v.union(
  [
    claimText,
    v.pipe(v.number(), v.safeInteger()),
    v.boolean(),
    v.pipe(v.array(claimText), v.minLength(1, 'expected at least one text'), forEditors({ minItems: 1 })),
  ],
  expected(claimForm),
);

const acts = ['read', 'publish', 'yank'] as const;
const mayForm = `a list of some of ${acts.map((act) => `"${act}"`).join(', ')}`;

export const oidc = table({
  name: about(sourceName, 'What it is called by `token revoke --issuer` and in the audit'),
  issuer: about(
    address(issuerProblem, oidcIssuerPattern),
    'Who gives out the identity tokens: `iss` of each, letter by letter; its keys are found from there',
  ),
  audience: about(
    v.pipe(
      text,
      v.regex(/^[\x21-\x7e]{1,200}$/, 'expected 1 to 200 characters without blanks'),
      forEditors({}),
    ),
    "For whom they are to be: `aud`, best this registry's address, so that no token for another place counts here",
  ),
  claims: about(
    v.pipe(
      v.record(
        v.pipe(text, v.regex(/^[\x21-\x7e]{1,200}$/, 'expected the name of a claim')),
        claim,
        expected('a table of claims such as { repository_id = "123", ref = "refs/heads/main" }'),
      ),
      v.metadata({ valueType: 'table' }),
    ),
    'What else they must say: each claim exactly so, or as one of a list; `*` at the end of a `ref` stands for anything',
  ),
  may: about(
    v.pipe(
      v.array(v.picklist(acts, expected(mayForm)), expected(mayForm)),
      v.minLength(1, `expected ${mayForm}`),
      v.metadata({ valueType: 'list of "read", "publish", "yank"' }),
      forEditors({ minItems: 1 }),
    ),
    'What is allowed for a quarter of an hour to whoever shows one',
  ),
  for: setting(patterns, 'For which modules; every one where it may only read, unless it is said'),
  read_for: setting(patterns, 'Which modules may be read, if others than those of `for`'),
  login: setting(
    v.boolean(expected('true or false')),
    'Whether people log in by it (`moonbit-registry login`): `audience` is the id of a client of the issuer, for devices, and what is given is a token to read for 90 days',
  ),
});
