import type { Permission } from '../../src/registry/access/permissions.ts';
import { writeZip } from '../../src/registry/hosting/write-zip.ts';
import type { Registry } from '../../src/registry/registry.ts';

/** An archive of `OWNER/NAME@VERSION`, with these keys of the manifest and this text in its one file. */
export function archiveOf(
  id: string,
  { fields = {}, text = `pub fn name() -> String { "${id}" }\n` }: ArchiveFacts = {},
): Buffer {
  const at = id.lastIndexOf('@');
  const manifest = { name: id.slice(0, at), version: id.slice(at + 1), license: 'MIT', ...fields };
  return writeZip([
    { path: 'moon.mod.json', content: Buffer.from(JSON.stringify(manifest)), isExecutable: false },
    { path: 'src/lib.mbt', content: Buffer.from(text), isExecutable: false },
  ]);
}

interface ArchiveFacts {
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly text?: string;
}

/** A token of Ada's that may do what is said with `company/…`, and read everything. */
export async function createToken(
  registry: Pick<Registry, 'tokens'>,
  name: string,
  may: readonly Permission[] = ['publish'],
  patterns: readonly string[] = ['company/*'],
): Promise<string> {
  const grants = { read: ['*'], ...Object.fromEntries(may.map((one) => [one, patterns])) };
  const { text } = await registry.tokens.create({ name, owner: 'ada', grants, lifetimeMs: 60_000 });
  return text;
}

export interface PublishAnswer {
  readonly status: number;
  readonly body: { readonly status?: string; readonly detail?: string };
}

/** Publishes as `moon` does: a form with `token` and `file`. */
export async function publishTo(
  url: string,
  token: string | undefined,
  archives: Buffer | readonly Buffer[],
  more: Readonly<Record<string, string>> = {},
): Promise<PublishAnswer> {
  const form = new FormData();
  if (token !== undefined) form.append('token', token);
  for (const archive of [archives].flat())
    form.append('file', new Blob([new Uint8Array(archive)], { type: 'application/zip' }), 'module.zip');
  for (const [name, value] of Object.entries(more)) form.append(name, value);
  return sendForm(url, form);
}

export async function sendForm(
  url: string,
  form: FormData,
  headers: Readonly<Record<string, string>> = {},
  query = '',
): Promise<PublishAnswer> {
  const answer = await fetch(`${url}/api/v0/publish${query}`, { method: 'POST', body: form, headers });
  return { status: answer.status, body: (await answer.json()) as PublishAnswer['body'] };
}
