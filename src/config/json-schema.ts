/** The JSON Schema of `registry.toml`, for editors. Development only: nothing at run time may import this. */
import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import { configSchema } from './schema.ts';

/** Names the schema wherever a copy of it is; nothing is behind it. */
const id = 'urn:moonbit-registry:registry.schema.json';

/** The text of `registry.schema.json`. Rules between values, and what only code can tell, are left out. */
export function renderJsonSchema(): string {
  const { $schema, ...schema } = toJsonSchema(configSchema, {
    typeMode: 'input',
    errorMode: 'ignore',
    overrideAction: ({ valibotAction, jsonSchema }) =>
      isMetadata(valibotAction)
        ? { ...withoutOurs(jsonSchema), ...keywordsOf(valibotAction.metadata) }
        : undefined,
  });
  const titled = { $schema, $id: id, title: 'registry.toml of moonbit-registry', ...schema };
  return `${JSON.stringify(titled, undefined, 2)}\n`;
}

/** What `schema.ts` keeps with a value for other ends is no keyword. */
function withoutOurs(jsonSchema: object): object {
  return Object.fromEntries(
    Object.entries(jsonSchema).filter(([key]) => !['forEditors', 'valueType', 'isOfFileAlone'].includes(key)),
  );
}

function isMetadata(action: {
  readonly type: string;
}): action is v.MetadataAction<unknown, Record<string, unknown>> {
  return action.type === 'metadata';
}

function keywordsOf({ forEditors }: Record<string, unknown>): object {
  return typeof forEditors === 'object' && forEditors !== null ? forEditors : {};
}
