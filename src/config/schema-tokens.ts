/** The shape of `[access]`: who may do what. */
import * as v from 'valibot';
import { choice, expected, setting, table } from './schema-kit.ts';
import { oidc } from './schema-oidc.ts';
import { flag } from './schema-values.ts';

export const access = table({
  read: setting(
    choice(['anyone', 'token']),
    'Who may read: anyone who reaches the server (which is so unless set), or who shows a token. To publish always takes a token',
  ),
  token_in_path: setting(
    flag,
    'Whether a token may also stand in the address, as `/t/TOKEN/…`, where a client can send nothing else; proxies in front log it',
    false,
  ),
  oidc: v.optional(v.array(oidc, expected('[[access.oidc]] tables')), []),
});
