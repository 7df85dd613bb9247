import type { SecretText, SourceAuth } from '../../src/config/config.ts';

/** Credentials that need no environment: their text stands in them, as no `registry.toml` could have it. */
export function bearerAuth(token: string): SourceAuth {
  return { type: 'bearer', token: textOf('token', token) };
}

export function basicAuth(username: string, password: string): SourceAuth {
  return { type: 'basic', username: textOf('username', username), password: textOf('password', password) };
}

function textOf(setting: SecretText['setting'], text: string): SecretText {
  return { setting, line: 7, parts: [{ kind: 'text', text }] };
}
