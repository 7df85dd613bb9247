import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMask } from './secret-mask.ts';

const token = 'Tok3n+of/Partner_42';
const bytes = Buffer.from(token);
const percent = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
const base64 = bytes.toString('base64');

const spellings: [string, string][] = [
  ['as it is', token],
  ['in lower case, as a host', token.toLowerCase()],
  ['in upper case', token.toUpperCase()],
  ['percent-encoded', encodeURIComponent(token)],
  ['percent-encoded throughout', percent],
  ['percent-encoded in capitals', percent.toUpperCase()],
  ['percent-encoded twice', percent.replaceAll('%', '%25')],
  ['as \\u escapes', [...bytes].map((byte) => `\\u00${byte.toString(16)}`).join('')],
  [
    'as \\u escapes in capitals',
    [...bytes].map((byte) => `\\u00${byte.toString(16).toUpperCase()}`).join(''),
  ],
  ['as \\u{…} escapes', [...bytes].map((byte) => `\\u{${byte.toString(16)}}`).join('')],
  ['as \\x escapes', [...bytes].map((byte) => `\\x${byte.toString(16)}`).join('')],
  ['as octal escapes', [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')],
  ['as a JSON text in a JSON text', JSON.stringify(token.replaceAll('/', '\\/')).slice(1, -1)],
  ['as HTML references', [...bytes].map((byte) => `&#${byte};`).join('')],
  ['as hexadecimal HTML references', [...bytes].map((byte) => `&#x${byte.toString(16)};`).join('')],
  ['quoted-printable', [...bytes].map((byte) => `=${byte.toString(16).toUpperCase()}`).join('')],
  ['in hexadecimal', bytes.toString('hex')],
  ['in HEXADECIMAL', bytes.toString('hex').toUpperCase()],
  ['in hexadecimal with colons', bytes.toString('hex').replace(/(..)(?=.)/g, '$1:')],
  ['in hexadecimal with 0x', bytes.toString('hex').replace(/(..)/g, '0x$1, ').slice(0, -2)],
  ['in base64', base64],
  ['in base64url', bytes.toString('base64url')],
  ['in base64 with lines', base64.replace(/(.{8})/g, '$1\r\n')],
  ['in base64, percent-encoded', encodeURIComponent(base64)],
  ['with zero-width spaces', [...token].join('\u200b')],
  ['with joiners', [...token].join('\u2060')],
  ['with control characters', [...token].join('\u0000')],
  ['with C1 controls', [...token].join('\u0085')],
  ['with bidirectional marks', [...token].join('\u202e')],
  ['with spaces', [...token].join(' ')],
  ['with combining marks', [...token].join('\u0301')],
  ['with zero-width spaces read as Latin-1', [...token].join(Buffer.from('\u200b').toString('latin1'))],
  ['with escaped zero-width spaces', [...token].join('\\u200b')],
  ['with percent-encoded zero-width spaces', [...token].join('%E2%80%8B')],
  [
    'in a mixture',
    `${percent.slice(0, 15)}${token.slice(5, 8)}\\u00${bytes[8]?.toString(16)}${token.slice(9)}`,
  ],
  ['behind what looks like the start of an escape', `%${percent.slice(0, 6)}${token.slice(2)}`],
];

describe('a secret', () => {
  test.each(spellings)('%s is masked', (_, spelling) => {
    const masked = createMask([token])(`it said ${spelling} here`);
    expect(masked).toMatch(/^it said (?:%|0x|)\*\*\*(?:=|%3D)* here$/);
  });

  test.each(['', 'x', 'xy', 'user:', 'Authorization: Bearer '])(
    'is masked in the base64 of what begins with "%s"',
    (before) => {
      const masked = createMask([token])(Buffer.from(`${before}${token}and more`).toString('base64'));
      expect(masked).toContain('***');
      // What is left decodes to nothing of it but the bits at its edges.
      for (const part of masked.split('***')) {
        const decoded = Buffer.from(part, 'base64').toString('latin1');
        expect(decoded).not.toContain(token.slice(0, 4));
        expect(decoded).not.toContain(token.slice(-4));
      }
    },
  );

  test('that is not ASCII is masked as text, as bytes and encoded', () => {
    const password = 'pässwört€';
    const mask = createMask([password]);
    const latin1 = Buffer.from(password).toString('latin1');
    for (const text of [
      password,
      latin1,
      encodeURIComponent(password),
      Buffer.from(password).toString('base64'),
    ])
      expect(mask(`<${text}>`)).toMatch(/^<\*\*\*=*>$/);
  });

  test('is masked wherever it stands, and nothing else changes', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 6, maxLength: 40 }).filter((text) => /^[!-~]+$/.test(text)),
        fc.array(fc.constantFrom('α', 'ω', '。', 'µµ'), { maxLength: 6 }),
        (secret, words) => {
          const text = words.join('');
          expect(createMask([secret])(`${text}${secret}${text}`)).toBe(`${text}***${text}`);
        },
      ),
    );
  });

  test('of a few characters, or of none, is left', () => {
    expect(createMask(['', 'abc', '\u200b\u200b\u200b\u200b'])('abc and abcd')).toBe('abc and abcd');
  });

  test('costs no more than the text is long, whatever stands there', () => {
    const mask = createMask([token, 'x'.repeat(2000)]);
    for (const text of ['\\', '%25', 'x', 'x\u0301', '&#0', token.slice(0, -1)])
      expect(mask(text.repeat(64 * 1024).slice(0, 64 * 1024)).length).toBeGreaterThan(90);
  });

  test('as long as a signed token is masked in time that grows with the text', () => {
    const long = 'eyJ'.repeat(700);
    expect(createMask([long])(`x ${long} ${long.slice(0, -1)}`)).toBe(`x *** ${long.slice(0, -1)}`);
  });
});
