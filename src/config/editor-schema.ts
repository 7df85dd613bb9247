/** The copy of `registry.schema.json` beside `registry.toml`, whose first line leads editors to it (docs/decisions/0033). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic, writeFileOnce } from '../support/disk/atomic-file.ts';
import { ifExists } from '../support/disk/disk-errors.ts';
import { editorSchemaLine, schemaFileName } from './config-file.ts';

/** Whether settings lead editors to a copy beside them. */
export function namesEditorSchema(settings: string): boolean {
  return settings.includes(editorSchemaLine);
}

/** Writes the copy where there is no such file yet; whether it did. */
export async function addEditorSchema(directory: string): Promise<boolean> {
  return writeFileOnce(join(directory, schemaFileName), (await readSchema()).text);
}

/** Brings a copy of another release up to date; a file that is missing, or none of ours, stays so. */
export async function refreshEditorSchema(directory: string): Promise<void> {
  const file = join(directory, schemaFileName);
  const [present, { id, text }] = await Promise.all([ifExists(readFile(file, 'utf8')), readSchema()]);
  if (present !== undefined && present !== text && present.includes(`"$id": "${id}"`))
    await writeFileAtomic(file, text);
}

async function readSchema(): Promise<{ readonly id: string; readonly text: string }> {
  const { default: schema } = await import('../../registry.schema.json', { with: { type: 'json' } });
  return { id: schema.$id, text: `${JSON.stringify(schema, undefined, 2)}\n` };
}
