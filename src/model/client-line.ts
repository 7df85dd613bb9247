import { ClientJsonError, type ClientJsonReader, createClientJsonReader } from './client-json.ts';
import { shortJson } from './short-json.ts';
import { isSemanticVersion } from './version.ts';

/** A line of an index file as the client's own parser reads it; `null` also for a field that is absent. */
interface ClientLine {
  readonly version: string | null;
  readonly checksum: string | null;
  /** By module, of one stated twice the last; each as the keys it states, without those that are `null`. */
  readonly deps: ReadonlyMap<string, StatedDependency>;
  /** The JSON text of every "bin-deps", which the client does not look at. They keep the line's text alive. */
  readonly binDeps: readonly string[];
}

type StatedDependency = Readonly<Record<string, string>>;

/** `reason` is the end of a sentence. */
export type ClientReading =
  | { readonly kind: 'line'; readonly line: ClientLine }
  | { readonly kind: 'refused'; readonly reason: string };

interface Draft {
  version: string | null;
  checksum: string | null;
  readonly deps: Map<string, StatedDependency>;
  readonly binDeps: string[];
}

/**
 * The fields of a line that the newest client types (moon-protocol §14), each with the form it takes. Every one may
 * be absent or `null`, none may be stated twice, and the client cannot parse a line with any other form. All other
 * fields may have any form that is JSON to the client.
 *
 * A line that is a list, of these fields in order, would parse if one knew how many of them the reader types:
 * clients of different months disagree, so none passes.
 */
const typedFields: ReadonlyMap<string, (reader: ClientJsonReader, draft: Draft) => void> = new Map([
  ['version', (reader, draft) => (draft.version = readText(reader, 'version'))],
  ['checksum', (reader, draft) => (draft.checksum = readText(reader, 'checksum'))],
  ['deps', (reader, draft) => readDependencies(reader, draft.deps)],
  ['yanked', (reader) => readBoolean(reader, 'yanked')],
  ['yanked_reason', (reader) => readText(reader, 'yanked_reason')],
]);

/**
 * The forms of one value of "deps", apart from a text that is a semantic version. The client tries them in this
 * order; their keys are all that an object may have, or a list in this order. Until September 2026 there was one
 * more, "git" with "branch" and "version": no client ever resolved it, and the newest refuses it (moon#2212).
 */
const dependencyForms: readonly Readonly<Record<string, 'text' | 'version or nothing'>>[] = [
  { path: 'text', version: 'version or nothing' },
  { version: 'version or nothing' },
];
const maxKeys = Math.max(...dependencyForms.map((form) => Object.keys(form).length));

/** Reads a line as the newest client does. Never throws; takes time linear in the length of the text. */
export function readClientLine(text: string): ClientReading {
  const reader = createClientJsonReader(text);
  const draft: Draft = { version: null, checksum: null, deps: new Map(), binDeps: [] };
  const stated = new Set<string>();
  const reason = refusalOf(() => {
    if (reader.peek() !== '{') throw new ClientJsonError('it is not a JSON object');
    reader.readObject((key) => {
      const read = typedFields.get(key);
      if (read && stated.has(key)) throw new ClientJsonError(`it states "${key}" more than once`);
      if (read) {
        stated.add(key);
        read(reader, draft);
      } else {
        const value = reader.skipValue();
        if (key === 'bin-deps') draft.binDeps.push(value);
      }
    });
    reader.readEnd();
  });
  return reason === undefined ? { kind: 'line', line: draft } : { kind: 'refused', reason };
}

/** The one version that a line states which cannot be read as a whole, as far as it can be read. Never throws. */
export function statedVersion(text: string): string | undefined {
  const reader = createClientJsonReader(text);
  const versions = new Set<string>();
  refusalOf(() =>
    reader.readObject((key) => {
      if (key === 'version' && reader.peek() === '"') versions.add(reader.readString());
      else reader.skipValue();
    }),
  );
  return versions.size === 1 ? [...versions][0] : undefined;
}

function refusalOf(read: () => void): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof ClientJsonError) return error.message;
    throw error;
  }
}

function readText(reader: ClientJsonReader, field: string): string | null {
  if (!'"n'.includes(reader.peek())) throw new ClientJsonError(`its "${field}" is not text`);
  return reader.readNullable(reader.readString);
}

function readBoolean(reader: ClientJsonReader, field: string): boolean | null {
  if (!'tfn'.includes(reader.peek())) throw new ClientJsonError(`its "${field}" is neither true nor false`);
  return reader.readNullable(reader.readBoolean);
}

function readDependencies(reader: ClientJsonReader, deps: Map<string, StatedDependency>): void {
  if (!'{n'.includes(reader.peek())) throw new ClientJsonError('its "deps" is not an object');
  reader.readNullable(() =>
    reader.readObject((module) => {
      deps.set(module, readDependency(reader, module));
    }),
  );
}

function readDependency(reader: ClientJsonReader, module: string): StatedDependency {
  const opening = reader.peek();
  if (opening === '"') {
    const version = reader.readString();
    return isSemanticVersion(version) ? { version } : refuse(module, version);
  }
  const members: Member[] = [];
  const readMember = (key?: string) => {
    if (members.length === maxKeys || !'"n'.includes(reader.peek())) refuse(module);
    members.push({ key, value: reader.readNullable(reader.readString) });
  };
  if (opening === '{') reader.readObject(readMember);
  else if (opening === '[') reader.readList(() => readMember());
  else refuse(module);
  for (const form of dependencyForms) {
    const stated = statedBy(form, members);
    if (stated) return stated;
  }
  return refuse(module, Object.fromEntries(members.map(({ key, value }, at) => [key ?? at, value])));
}

/** `key` is absent for the elements of a list. */
interface Member {
  readonly key: string | undefined;
  readonly value: string | null;
}

function statedBy(
  form: (typeof dependencyForms)[number],
  members: readonly Member[],
): StatedDependency | undefined {
  const keys = Object.keys(form);
  const stated = new Map(members.map(({ key, value }, at) => [key ?? keys[at] ?? '', value]));
  const isKnown = stated.size === members.length && [...stated.keys()].every((key) => keys.includes(key));
  const isRight = Object.entries(form).every(([key, kind]) => {
    const value = stated.get(key) ?? null;
    return kind === 'text' ? value !== null : value === null || isSemanticVersion(value);
  });
  if (!isKnown || !isRight) return undefined;
  return Object.fromEntries([...stated].filter((one): one is [string, string] => one[1] !== null));
}

function refuse(module: string, written?: unknown): never {
  const shown = written === undefined ? 'no version' : shortJson(written);
  throw new ClientJsonError(
    `what it asks of ${shortJson(module)} is nothing that clients can read: ${shown}`,
  );
}
