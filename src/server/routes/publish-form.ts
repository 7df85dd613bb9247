import type { AppRequest } from '../../http/answer.ts';
import type { FormReading } from '../../http/multipart.ts';
import type { Upload } from '../../registry/hosting/upload.ts';

/** What somebody asks for who publishes. */
export interface PublishForm {
  /** Of the form; `undefined` where it has none. */
  readonly token: string | undefined;
  readonly uploads: readonly Upload[];
  readonly isDryRun: boolean;
  /** Whether it is to wait until somebody approves it. */
  readonly isStaged: boolean;
}

type Form = Extract<FormReading<Upload | undefined>, { kind: 'form' }>;

/** How the official client marks a dry run is not known (moon-protocol §14): each of these, as field, query or header. */
const dryRunNames = ['dry_run', 'dry-run', 'dryrun'];
/** As field or query. */
const stageNames = ['stage'];

/** What a form means, or why it is not understood, as a sentence without its full stop. */
export function readPublishForm(
  { fields, files }: Form,
  { query, headers }: Pick<AppRequest, 'query' | 'headers'>,
): PublishForm | string {
  const known = ['token', ...dryRunNames, ...stageNames];
  const unknown =
    fields.find(({ name }) => !known.includes(name)) ?? files.find(({ name }) => name !== 'file');
  if (unknown) return `The form has a part ${JSON.stringify(unknown.name)}, which means nothing here`;
  const tokens = fields.filter(({ name }) => name === 'token');
  if (tokens.length > 1) return 'The form has more than one part "token"';
  const uploads = files.flatMap(({ taken }) => (taken ? [taken] : []));
  if (uploads.length === 0) return 'The form has no part "file"';
  const stated = [...fields, ...[...new URLSearchParams(query)].map(([name, value]) => ({ name, value }))];
  const headed = dryRunNames.flatMap((name) =>
    [headers[name] ?? []].flat().map((value) => ({ name, value })),
  );
  const isDryRun = readMarks([...stated, ...headed], dryRunNames);
  if (isDryRun === undefined) return 'Whether this is a dry run is said by "true" or "false"';
  const isStaged = readMarks(stated, stageNames);
  if (isStaged === undefined) return 'Whether this waits for approval is said by "true" or "false"';
  return { token: tokens[0]?.value.trim() || undefined, uploads, isDryRun, isStaged };
}

/** Whether any of them says so; `undefined` where one cannot be understood. */
function readMarks(
  marks: readonly { readonly name: string; readonly value: string }[],
  names: readonly string[],
): boolean | undefined {
  const meanings = marks.filter(({ name }) => names.includes(name)).map(({ value }) => readFlag(value));
  return meanings.includes(undefined) ? undefined : meanings.includes(true);
}

function readFlag(value: string): boolean | undefined {
  const text = value.trim().toLowerCase();
  if (['', 'true', '1', 'yes'].includes(text)) return true;
  return ['false', '0', 'no'].includes(text) ? false : undefined;
}
