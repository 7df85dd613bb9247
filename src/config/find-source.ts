import { NotFoundError } from '../errors.ts';
import { suggest } from '../support/suggest.ts';

/** The configured source called `name`; a `NotFoundError` that says what exists otherwise. */
export function findSource<T extends { readonly name: string }>(
  { sources }: { readonly sources: readonly T[] },
  name: string,
): T {
  const source = sources.find((candidate) => candidate.name === name);
  if (source) return source;
  const names = sources.map((candidate) => candidate.name);
  throw noSuchSource(name, names);
}

export function noSuchSource(name: string, names: readonly string[]): NotFoundError {
  const near = suggest(name, names);
  return new NotFoundError(`there is no source "${name}"`, {
    hint: `${near === undefined ? '' : `did you mean "${near}"? `}configured: ${names.join(', ') || 'none'}`,
  });
}
