/** The JSON Schema of `registry.toml`, for editors. Development only: nothing at run time may import this. */
import { toJsonSchema } from '@valibot/to-json-schema';
import { configSchema } from './schema.ts';

/** The text of `registry.schema.json`. Rules that JSON Schema cannot say are left out. */
export function renderJsonSchema(): string {
  const { $schema, ...schema } = toJsonSchema(configSchema, { typeMode: 'input', errorMode: 'ignore' });
  const titled = { $schema, title: 'registry.toml of moonbit-registry', ...schema };
  return `${JSON.stringify(titled, undefined, 2)}\n`;
}
