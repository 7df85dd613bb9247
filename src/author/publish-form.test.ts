import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { createPublishForm } from './publish-form.ts';

const archives = [
  { module: 'company/tool', version: '1.0.0+b', bytes: Buffer.from('PK one \r\n--') },
  { module: 'company/a"\r\n/x', version: '2.0.0', bytes: Buffer.alloc(200_000, 'z') },
];

test('the form is what the standard reader of forms reads', async () => {
  const body = createPublishForm({ token: 'the-token', dryRun: true, stage: true, archives });
  const bytes = await buffer(body.open());
  expect(bytes.length).toBe(body.sizeBytes);
  const form = await new Response(bytes, { headers: { 'content-type': body.contentType } }).formData();
  expect([...form.keys()]).toEqual(['token', 'dry_run', 'stage', 'file', 'file']);
  expect([form.get('token'), form.get('dry_run')]).toEqual(['the-token', 'true']);
  const files = form.getAll('file') as File[];
  expect(files.map(({ name, type }) => [name, type])).toEqual([
    ['company-tool-1.0.0+b.zip', 'application/zip'],
    ['company-a----x-2.0.0.zip', 'application/zip'],
  ]);
  for (const [position, file] of files.entries())
    expect(Buffer.from(await file.arrayBuffer()).equals(archives[position]?.bytes ?? Buffer.alloc(0))).toBe(
      true,
    );
});

test('is sent in pieces, from the first on each time, and nothing marks it as a dry run unless it is one', async () => {
  const sent: number[] = [];
  const body = createPublishForm({ token: 't', dryRun: false, stage: false, archives }, (bytes) =>
    sent.push(bytes),
  );
  const first = await buffer(body.open());
  expect((await buffer(body.open())).equals(first)).toBe(true);
  expect(first.includes('dry_run') || first.includes('stage')).toBe(false);
  expect(sent.filter((bytes) => bytes === 0)).toHaveLength(2);
  expect(sent.filter((bytes) => bytes === body.sizeBytes)).toHaveLength(2);
  expect(sent.length).toBeGreaterThan(10);
});
