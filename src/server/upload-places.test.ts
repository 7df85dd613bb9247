import { expect, test } from 'vitest';
import { createUploadPlaces } from './upload-places.ts';

test('however many strangers hold a place, whoever is known has one', () => {
  const places = createUploadPlaces();
  const ends = Array.from({ length: 100 }, (_, i) =>
    places.take({ isKnown: false, address: `192.0.2.${i}` }),
  );
  expect(ends.filter(Boolean)).toHaveLength(16);
  const known = Array.from({ length: 20 }, () => places.take({ isKnown: true, address: '192.0.2.1' }));
  expect(known.filter(Boolean)).toHaveLength(16);
  for (const end of [...ends, ...known]) end?.();
  const again = Array.from({ length: 40 }, () => places.take({ isKnown: true, address: '192.0.2.1' }));
  expect(again.filter(Boolean)).toHaveLength(32);
});

test('one network of strangers has a few, whatever addresses it has', () => {
  const places = createUploadPlaces();
  const from = (address: string) => places.take({ isKnown: false, address });
  const ends = Array.from({ length: 9 }, (_, i) => from(`2001:db8:1:2::${i}`));
  expect(ends.filter(Boolean)).toHaveLength(4);
  expect(from('2001:db8:1:3::1')).toBeDefined();
  ends[0]?.();
  expect(from('2001:db8:1:2:3:4:5:6')).toBeDefined();
  expect(from('2001:db8:1:2::77')).toBeUndefined();
});
