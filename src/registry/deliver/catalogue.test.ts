import { expect, test } from 'vitest';
import type { ModuleName } from '../../model/module-name.ts';
import { describeManifest } from '../../server/routes/api-answers.ts';
import { summarise } from './catalogue.ts';

const module = 'alice/json' as ModuleName;
const lineOf = (members: string) => Buffer.from(`{"version":"1.0.0","description":"Fast"${members}}\n`);

test('a field nested as deep as it likes is left out, and the rest is told', () => {
  const file = lineOf(
    `,"deps":{"bob/x":"1.0.0"},"x":${'['.repeat(100_000)}${']'.repeat(100_000)},"y":[[[1]]]`,
  );
  expect(JSON.parse(JSON.stringify(describeManifest(module, module, file, undefined)))).toMatchObject({
    version: '1.0.0',
    metadata: { version: '1.0.0', description: 'Fast', deps: { 'bob/x': '1.0.0' }, y: [[[1]]] },
  });
  expect(describeManifest(module, module, file, undefined)?.metadata).not.toHaveProperty('x');
});

test('a line that only clients can read is listed with what they read of it', () => {
  const file = lineOf(',"deps":{"bob/x":"1.0.0",},/* a comment */');
  expect(summarise(module, file)).toMatchObject({ version: '1.0.0', dependencies: ['bob/x'] });
  expect(summarise(module, Buffer.from('<html>\n{}\n'))).toBeUndefined();
});
