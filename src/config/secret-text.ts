/**
 * `${NAME}` and `${file:PATH}`: the only ways a secret gets into the config (rule 10). What is read here is where a secret
 * is, never the secret: that is read when it is sent.
 */
import { resolve } from 'node:path';
import type { SecretText } from './config.ts';

const reference = /\$\{(?:([A-Za-z_][A-Za-z0-9_]*)|file:([^{}\p{Cc}]+))\}/gu;

/** Why the references in `text` cannot be read as such; `undefined` if they can. */
export function referenceFormProblem(text: string): string | undefined {
  if (text.replace(reference, '').includes('${'))
    return `expected references of the form \${NAME}, with letters, digits and "_" in the name, or \${file:PATH}`;
  const isOfShell = [...text.matchAll(reference)].some(([, , path]) => path?.startsWith('~'));
  return isOfShell
    ? 'expected a path relative to this file, or an absolute one: "~" means nothing here'
    : undefined;
}

/** What of `text` stands in the file itself. */
export function literalPart(text: string): string {
  return text.replace(reference, '');
}

/** As written, but for what could be a secret: `\${NAME}`, `\${file:PATH}`, and `***` for other text. */
export function showSecretText({ setting, parts }: SecretText): string {
  const shown = parts.map((part) => {
    if (part.kind === 'command') return '***';
    if (part.kind === 'file' && setting.endsWith('_file')) return part.written;
    if (part.kind === 'text') return setting === 'username' ? part.text : '***';
    return part.kind === 'variable' ? `\${${part.name}}` : `\${file:${part.written}}`;
  });
  return shown.join('');
}

/** Only for text without a `referenceFormProblem`. Paths are made absolute, from `directory` on. */
export function parseSecretText(text: string, directory: string): SecretText['parts'] {
  const parts: SecretText['parts'][number][] = [];
  let end = 0;
  for (const match of text.matchAll(reference)) {
    const [whole, variable, file] = match;
    if (match.index > end) parts.push({ kind: 'text', text: text.slice(end, match.index) });
    if (variable !== undefined) parts.push({ kind: 'variable', name: variable });
    if (file !== undefined) parts.push({ kind: 'file', path: resolve(directory, file), written: file });
    end = match.index + whole.length;
  }
  return end < text.length ? [...parts, { kind: 'text', text: text.slice(end) }] : parts;
}
