import { ConfigError, type ConfigProblem } from '../errors.ts';
import { redact } from '../support/redact.ts';
import { configFileName, formatProblem } from './config-file.ts';
import { locate, type TomlDocument, type TomlPath } from './toml-document.ts';

/** A problem as the rules state it, before it has a place in the text. */
export interface Problem {
  readonly path: TomlPath;
  readonly message: string;
  /** Whether the key itself is wrong, rather than its value. */
  readonly isAboutKey?: boolean;
}

/** Gives problems their places, in the order of the text. */
export function placeProblems(document: TomlDocument, problems: readonly Problem[]): ConfigProblem[] {
  return problems
    .map((problem) => ({
      path: redact(formatPath(document, problem.path)),
      ...locate(document, problem.path, problem.isAboutKey ? 'key' : 'value'),
      message: redact(problem.message), // may quote a value that holds a password in the wrong place
    }))
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

export function configError(problems: readonly ConfigProblem[]): ConfigError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const lines = [`${configFileName} has ${count}`, ...problems.map(formatProblem)];
  return new ConfigError(lines.join('\n'), problems);
}

/** `sources.partner.priority`, as `config` takes it; `sources[1].priority` where the name cannot tell which. */
function formatPath(document: TomlDocument, path: TomlPath): string {
  const [first, index, ...rest] = path;
  if (first !== 'sources' || typeof index !== 'number') return joinKeys(path);
  const names = sourceNames(document.value);
  const name = names[index];
  const isTelling = typeof name === 'string' && names.indexOf(name) === names.lastIndexOf(name);
  return joinKeys(isTelling ? ['sources', name, ...rest] : path);
}

/** What stands as `name` in each of the file's sources, whatever it is. */
export function sourceNames(value: { readonly [key: string]: unknown }): unknown[] {
  const { sources } = value;
  if (!Array.isArray(sources)) return [];
  return sources.map((source: unknown) =>
    typeof source === 'object' && source !== null && 'name' in source ? source.name : undefined,
  );
}

function joinKeys(path: TomlPath): string {
  return path
    .map((part, position) => {
      if (typeof part === 'number') return `[${part}]`;
      const key = /^[\w.-]+$/.test(part) ? part : JSON.stringify(part);
      return position === 0 ? key : `.${key}`;
    })
    .join('');
}
