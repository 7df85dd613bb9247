import { basename } from 'node:path';
import type { SecretPart, SecretText, SourceAuth } from '../config/config.ts';
import { readSmallFile } from '../support/disk/read-small-file.ts';
import type { Environment } from '../support/environment.ts';
import type { CommandPart } from './token-command.ts';

/** The text of a credential, or why it cannot be sent, in words that never hold it. */
export type SecretReading =
  | { readonly kind: 'readable'; readonly value: string }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** Gives what the command of a secret prints, or why there is nothing, in words that go after its name. */
export type ReadToken = () => Promise<SecretReading>;

/** More than any header may have; what is larger is no secret but the wrong file. */
const maxFileBytes = 16 * 1024;

/**
 * Puts a credential together from what it refers to, as that is now: a file that was replaced counts from then on. A
 * problem names the variable or the file, and the line that does. Of what can be sent: a bearer token stands in a header
 * as it is (RFC 9110 §5.5); what is sent by `basic` is encoded, but has no control characters (RFC 7617 §2).
 */
export async function readSecret(
  secret: SecretText,
  type: SourceAuth['type'],
  env: Environment,
  readToken: ReadToken = async () => unreadable('is not run here'),
): Promise<SecretReading> {
  const values: string[] = [];
  for (const part of secret.parts) {
    const value = part.kind === 'command' ? await readToken() : await readPart(part, env);
    const problem = value.kind === 'readable' ? problemOf(value.value, part, secret, type) : value.problem;
    if (value.kind === 'unreadable' || problem !== undefined)
      return {
        kind: 'unreadable',
        problem: `${nameOf(part, secret)} ${problem} (registry.toml:${secret.line})`,
      };
    values.push(value.value);
  }
  return { kind: 'readable', value: values.join('') };
}

/** What to do about a credential that is refused: where its parts come from that are not in the file itself. */
export function howToRenew({ parts, line }: SecretText): string[] {
  return parts.flatMap((part) => {
    if (part.kind === 'text') return [];
    return [`${renewalOf(part)} (registry.toml:${line})`];
  });
}

function renewalOf(part: Exclude<SecretPart, { readonly kind: 'text' }>): string {
  if (part.kind === 'variable') return `set ${part.name}`;
  if (part.kind === 'file') return `put another secret into the file ${part.written}`;
  return 'see what auth.token_command prints';
}

function nameOf(part: SecretPart, { setting }: SecretText): string {
  if (part.kind === 'variable') return `the environment variable ${part.name}`;
  if (part.kind === 'command')
    return `the command ${JSON.stringify(basename(part.words[0] ?? ''))} of auth.token_command`;
  return part.kind === 'file' ? `the file ${part.written}` : `auth.${setting}`;
}

async function readPart(part: Exclude<SecretPart, CommandPart>, env: Environment): Promise<SecretReading> {
  if (part.kind === 'text') return { kind: 'readable', value: part.text };
  if (part.kind === 'file') return readSecretFile(part.path);
  const value = env[part.name];
  if (value === undefined) return unreadable('is not set');
  return value === '' ? unreadable('is empty') : { kind: 'readable', value };
}

async function readSecretFile(path: string): Promise<SecretReading> {
  const file = await readSmallFile(path, maxFileBytes);
  if (file.kind === 'unreadable') return file;
  const value = file.text.replace(/\r?\n$/, '');
  return value === '' ? unreadable('is empty') : { kind: 'readable', value };
}

function unreadable(problem: string): SecretReading {
  return { kind: 'unreadable', problem };
}

function problemOf(
  value: string,
  part: SecretPart,
  { setting }: SecretText,
  type: SourceAuth['type'],
): string | undefined {
  // RFC 7617 §2: the first colon ends the user name.
  const isCut = setting === 'username' && value.includes(':');
  const flaw =
    (type === 'bearer' ? flawOfToken(value) : flawOfText(value)) ??
    (isCut ? 'a ":", which no user name can have' : undefined);
  return flaw && `${part.kind === 'command' ? 'printed' : 'holds'} ${flaw}`;
}

function flawOfToken(value: string): string | undefined {
  const flaw = flawOfAny(value);
  if (flaw !== undefined) return flaw;
  if (/[^ -~]/.test(value)) return 'a character outside ASCII, which no token can have';
  return /^ | $/.test(value) ? 'a space at its beginning or its end' : undefined;
}

function flawOfText(value: string): string | undefined {
  return flawOfAny(value) ?? (/\p{Cf}/u.test(value) ? 'an invisible character' : undefined);
}

function flawOfAny(value: string): string | undefined {
  if (/[\ufeff\ufffe]/.test(value)) return 'a byte-order mark';
  if (/[\r\n\u0085\u2028\u2029]/.test(value)) return 'a line break';
  return /[\p{Cc}\p{Cs}]/u.test(value) ? 'a control character' : undefined;
}
