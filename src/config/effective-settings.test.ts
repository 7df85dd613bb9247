import { expect, test } from 'vitest';
import { effectiveSettings } from './effective-settings.ts';
import { parseConfig } from './load.ts';
import { configKeys } from './schema-shape.ts';

test('every setting that has a default is in effect', () => {
  const text =
    '[[sources]]\nname = "a"\nurl = "https://h"\nindex_url = "https://h/i"\n[[views]]\nname = "a"\ninclude = ["b/*"]\n';
  const settings = effectiveSettings(parseConfig(text, { directory: '/r' }));
  const withDefault = configKeys
    .filter((setting) => setting.default !== '')
    .map(({ key }) => key.replace('NAME', 'a'));
  expect(withDefault.length).toBeGreaterThan(40);
  expect(withDefault.filter((key) => !settings.has(key))).toEqual([]);
});
