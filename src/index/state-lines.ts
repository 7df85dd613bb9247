import * as v from 'valibot';
import { StorageError } from '../errors.ts';
import { isChecksum } from '../model/checksum.ts';
import type { Finding } from '../model/finding.ts';
import { isModuleName } from '../model/module-name.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import { isVersion } from '../model/version.ts';
import { damageHint } from './restore-hint.ts';

/**
 * Files of the state that have one JSON object a line, each of a kind. What a kind must have is checked; what a later program
 * has written beside it stays in the object, and so survives.
 */
export function formatLines(values: readonly object[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

type Schemas = Readonly<Record<string, v.GenericSchema>>;

interface Line {
  readonly value: unknown;
  /** Whether there is a schema of its kind, which it meets. */
  readonly isKnown: boolean;
}

/** Reads the lines of a file whose name, for messages, is `file`. `discriminator`: the key that says which schema a line has. */
function readLines(bytes: Buffer, file: string, discriminator: string, schemas: Schemas): Line[] {
  const lines = bytes.toString('utf8').split('\n');
  return lines.flatMap((line, position): Line[] => {
    if (line === '') return [];
    const damaged = (reason: string, cause?: unknown) =>
      new StorageError(`line ${position + 1} of ${file} cannot be read: ${reason}`, {
        cause,
        hint: damageHint,
      });
    const value = parseJson(line, (cause) => damaged('it is not JSON', cause));
    const kind = v.is(v.looseObject({ [discriminator]: v.string() }), value) && String(value[discriminator]);
    if (kind === false) throw damaged(`it has no "${discriminator}"`);
    const schema = Object.hasOwn(schemas, kind) ? schemas[kind] : undefined;
    const result = schema && v.safeParse(schema, value, { abortEarly: true });
    if (result && !result.success) {
      const path = v.getDotPath(result.issues[0]) ?? '';
      throw damaged(`what it says of "${path}" is no such thing`);
    }
    return [{ value, isKnown: schema !== undefined }];
  });
}

function parseJson(line: string, damaged: (cause: unknown) => Error): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged(error);
    throw error;
  }
}

const text = v.string();
const texts = v.array(text);
const number = v.number();
const version = v.custom<string>(isVersion);
const checksum = v.custom<string>(isChecksum);
const module = v.custom<string>((value) => typeof value === 'string' && isModuleName(value));

const about = { module: text, source: text, message: text, foundAt: v.optional(text) };
const decidable = { ...about, kept: v.optional(v.looseObject({ at: text, by: text })) };
const requirements = v.looseObject({ pinned: text, offered: text });
const offer = { ...decidable, version, line: number, pinned: checksum, offered: checksum };
const change = v.looseObject({
  ...{ version, pinned: checksum, offered: checksum },
  requirements: v.optional(requirements),
});

const findings: Readonly<Record<Finding['kind'], v.GenericSchema>> = {
  'checksum-conflict': v.looseObject({ ...offer, requirements: v.optional(requirements) }),
  'requirements-conflict': v.looseObject({ ...offer, requirements }),
  'origin-conflict': v.looseObject({
    ...{ ...decidable, origin: v.optional(text), changes: v.optional(v.array(change)) },
    ...{ count: v.optional(number), modules: v.optional(texts) },
  }),
  'look-alike': v.looseObject(decidable),
  'dropped-line': v.looseObject({ ...about, line: v.optional(number), count: v.optional(number) }),
  'broken-file': v.looseObject(about),
  'refused-name': v.looseObject(about),
  'selection-changed': v.looseObject({ ...about, version }),
  unplanned: v.looseObject(about),
  more: v.looseObject({ ...about, count: number, untold: v.array(v.tuple([text, number])) }),
};

/**
 * Findings are made anew by a program that decides otherwise, so one of a kind that this program does not know is left out; so are
 * those by which earlier programs told which names wait.
 */
export function parseFindings(bytes: Buffer, file: string): Finding[] {
  return readLines(bytes, file, 'kind', findings).flatMap(({ value, isKnown }) =>
    isKnown ? [value as Finding] : [],
  );
}

const decided = { module, at: text, by: text };
const replaced = { ...decided, version, from: text, to: text, source: text };

const decisions: Readonly<Record<OperatorDecision['action'], v.GenericSchema>> = {
  keep: v.looseObject({ ...decided, finding: v.looseObject({ ...about, kind: text }) }),
  'accept-version': v.looseObject({
    ...{ ...replaced, from: checksum, to: checksum },
    requirements: v.optional(text),
  }),
  'accept-requirements': v.looseObject(replaced),
  'accept-name': v.looseObject(decided),
  'accept-origin': v.looseObject({
    ...decided,
    ...{ from: v.optional(text), to: text, pattern: v.optional(text) },
  }),
  block: v.looseObject({ ...decided, version: v.optional(version), reason: text }),
  withdraw: v.looseObject({ ...decided, version, reason: text }),
  unblock: v.looseObject({ ...decided, version: v.optional(version) }),
};

/** What the operator decided stays on record for ever, also what only a later program understands: nothing here acts on that. */
export function parseDecisions(bytes: Buffer, file: string): OperatorDecision[] {
  return readLines(bytes, file, 'action', decisions).map(({ value }) => value as OperatorDecision);
}

const waiting = { since: text, modules: v.array(module) };

const pendingKinds = {
  undecided: v.looseObject({ ...waiting, waitsFor: texts }),
  contended: v.looseObject({ ...waiting, source: text, origin: text }),
};

/** Names that wait, by what they wait for; of a kind that this program does not know, none: it plans them itself. */
export function parsePendingLines(bytes: Buffer, file: string): unknown[] {
  return readLines(bytes, file, 'kind', pendingKinds).flatMap(({ value, isKnown }) =>
    isKnown ? [value] : [],
  );
}
