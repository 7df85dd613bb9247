import * as v from 'valibot';

const text = v.string();
const list = v.array(text);
const checksum = v.pipe(text, v.regex(/^[0-9a-f]{64}$/));
const differences = v.object({ added: list, removed: list, changed: list });
const archive = {
  ...{ module: text, version: text, checksum, sizeBytes: v.number() },
};

const stagedModule = v.object({
  ...archive,
  /** Where the archive is on this machine. */
  archive: v.optional(text),
  files: v.array(v.object({ path: text, sizeBytes: v.number() })),
  /** A JSON object: what the module says of itself. */
  manifest: v.unknown(),
  problems: v.array(v.object({ code: text, severity: v.picklist(['error', 'remark']), text })),
  /** The highest published version below it. */
  previous: v.optional(
    v.object({ version: text, files: v.optional(differences), dependencies: differences }),
  ),
});

const staged = v.object({
  id: checksum,
  versions: v.array(v.object(archive)),
  token: text,
  owner: text,
  at: text,
  expiresAt: text,
  oidc: v.optional(v.object({ issuer: text, entry: text, claims: v.record(text, text) })),
  decision: v.optional(
    v.object({
      kind: text,
      at: text,
      by: v.optional(text),
      token: v.optional(text),
      reason: v.optional(text),
    }),
  ),
  modules: v.optional(v.array(stagedModule)),
});

type ReadOnly<T> = T extends object ? { readonly [key in keyof T]: ReadOnly<T[key]> } : T;

/** What waits for approval as it is told; with `modules`, what is in it. */
export type StagedFacts = ReadOnly<v.InferOutput<typeof staged>>;
export type StagedModuleFacts = ReadOnly<v.InferOutput<typeof stagedModule>>;

/** Reads what a registry tells of one; `undefined` where it is no such thing. */
export function readStagedFacts(value: unknown): StagedFacts | undefined {
  const parsed = v.safeParse(staged, value);
  return parsed.success ? (parsed.output as StagedFacts) : undefined;
}
