import type { ManifestValue } from '../../model/manifest-syntax.ts';
import type { ManifestFileName } from './placed-manifest.ts';

/** What moon takes for the value of a key; `null` counts as absent everywhere. */
interface Form {
  /** The end of "expected … to be …". */
  readonly is: string;
  accepts(value: ManifestValue): boolean;
}

const text: Form = { is: 'a string', accepts: ({ kind }) => kind === 'string' };
const texts: Form = {
  is: 'a list of strings',
  accepts: (value) => value.kind === 'array' && value.items.every(text.accepts),
};
const textByName: Form = {
  is: 'an object whose values are strings',
  accepts: (value) => value.kind === 'object' && value.fields.every((field) => text.accepts(field.value)),
};
const object: Form = { is: 'an object', accepts: ({ kind }) => kind === 'object' };
const textOrTexts: Form = {
  is: 'a string or a list of strings',
  accepts: (value) => text.accepts(value) || texts.accepts(value),
};
const folder: Form = {
  is: 'a folder of the module',
  accepts: (value) =>
    value.kind === 'string' &&
    !/^[/\\]|[<>:"|?*]/.test(value.text) &&
    !value.text.split(/[/\\]/).includes('..'),
};
const rule: Form = {
  is: 'a rule with a name and a command',
  accepts: (value) => textByName.accepts(value) && ['name', 'command'].every((key) => states(value, key)),
};
const rules: Form = {
  is: 'rules with a name and a command each, and no name twice',
  accepts(value) {
    const all = value.kind === 'array' ? value.items : [value];
    const names = all.map((one) => (one.kind === 'object' ? JSON.stringify(nameOf(one)) : ''));
    return all.every(rule.accepts) && new Set(names).size === names.length;
  },
};

/** By key, in both kinds of manifest: a value of another form makes the module unusable once it is installed. */
const both: ReadonlyMap<string, Form> = new Map([
  ...[
    'name',
    'version',
    'readme',
    'repository',
    'license',
    'description',
    'warn-list',
    'preferred-target',
  ].map((key): [string, Form] => [key, text]),
  ['--moonbit-unstable-prebuild', text],
  ...['source', 'root-dir'].map((key): [string, Form] => [key, folder]),
  ...['keywords', 'compile-flags', 'link-flags', 'include', 'exclude'].map((key): [string, Form] => [
    key,
    texts,
  ]),
  ['scripts', textByName],
  ['rule', rules],
  ['supported-targets', textOrTexts],
  ['deps', object],
  ['bin-deps', object],
]);
const onlyStatements: ReadonlyMap<string, Form> = new Map([
  ['warnings', text],
  ['preferred_target', text],
  ['supported_targets', textOrTexts],
]);

/** What the value of a key should be, as the end of a sentence; `undefined` if it is that, or if moon takes anything. */
export function expectedForm(
  fileName: ManifestFileName,
  key: string,
  value: ManifestValue,
): string | undefined {
  const form = both.get(key) ?? (fileName === 'moon.mod' ? onlyStatements.get(key) : undefined);
  if (!form || form.accepts(value) || (value.kind === 'scalar' && value.value === null)) return undefined;
  return form.is;
}

function states(value: ManifestValue, key: string): boolean {
  return value.kind === 'object' && value.fields.some((field) => field.key === key);
}

function nameOf(value: ManifestValue & { readonly kind: 'object' }): string {
  const name = value.fields.find((field) => field.key === 'name')?.value;
  return name?.kind === 'string' ? name.text : '';
}
