import { expect, test } from 'vitest';
import { createRecordSplitter } from './records.ts';

test('records are the same wherever the chunks are cut', () => {
  const bytes = Buffer.from('one\0two\0\0three\0left out');
  for (let size = 1; size <= bytes.length; size++) {
    const records: string[] = [];
    const push = createRecordSplitter(0, (record) => records.push(record.toString()));
    for (let at = 0; at < bytes.length; at += size) push(bytes.subarray(at, at + size));
    expect(records).toEqual(['one', 'two', '', 'three']);
  }
});
