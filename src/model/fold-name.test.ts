import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldName } from './fold-name.ts';

describe('foldName', () => {
  test.each([
    ['letter case', 'Company/Tool', 'company/tool'],
    ['decomposed letters (NFD)', 'jose\u0301/x', 'jos\u00e9/x'],
    ['a decomposed capital', 'JOSE\u0301/x', 'jos\u00e9/x'],
    ['the Kelvin sign', '\u212ait/x', 'kit/x'],
    ['the long s', '\u017foft/x', 'soft/x'],
    ['sharp s', 'stra\u00dfe/x', 'STRASSE/x'],
    ['capital sharp s', 'stra\u1e9ee/x', 'strasse/x'],
    ['final sigma', 'λόγος/x', 'ΛΌΓΟΣ/x'],
    ['a joiner that is drawn as nothing', 'comp\u200dany/x', 'company/x'],
    ['a variation selector', 'company\ufe0f/x', 'company/x'],
    ['fullwidth stays apart from ASCII, but folds its case', 'ＡＢ/x', 'ａｂ/x'],
  ])('%s makes no difference', (_, one, other) => {
    expect(foldName(one)).toBe(foldName(other));
  });

  test.each([
    ['company/tool', 'company/tools'],
    ['company/to-ol', 'company/to_ol'],
    ['a/b', 'a/b/c'],
    ['ＡＢ/x', 'ab/x'],
  ])('%s and %s stay apart', (one, other) => {
    expect(foldName(one)).not.toBe(foldName(other));
  });

  test('folding twice changes nothing, and neither does folding after a change of case or form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(foldName(foldName(text))).toBe(foldName(text));
        expect(foldName(text.normalize('NFD'))).toBe(foldName(text));
        expect(foldName(text.normalize('NFC'))).toBe(foldName(text));
      }),
    );
  });
});
