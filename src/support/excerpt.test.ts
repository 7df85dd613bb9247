import { expect, test } from 'vitest';
import { createExcerpt } from './excerpt.ts';

test('keeps the beginning and the end of what is endless', () => {
  const excerpt = createExcerpt();
  excerpt.push(Buffer.from('begin'));
  for (let round = 0; round < 1000; round++) excerpt.push(Buffer.alloc(1000, '.'));
  excerpt.push(Buffer.from('end'));
  const text = excerpt.text();
  expect(excerpt.sizeBytes).toBe(1_000_008);
  expect(text.length).toBeLessThan(8300);
  expect(text).toMatch(/^begin\.+\n\[991816 bytes left out\]\n\.+end$/);
});

test('keeps all of what is short', () => {
  const excerpt = createExcerpt();
  excerpt.push(Buffer.alloc(4000, 'a'));
  excerpt.push(Buffer.alloc(200, 'b'));
  expect(excerpt.text()).toBe('a'.repeat(4000) + 'b'.repeat(200));
});
