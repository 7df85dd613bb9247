import type { Lookup } from '../model/lookup.ts';
import { redact } from '../support/redact.ts';
import type { Mask } from '../support/secret-mask.ts';

const maxDetail = 2000;

/**
 * Makes what a source's call ended in fit to be told (rule 10). Everything a source says passes here once, on its way out of
 * `createGitSource`: whatever of its own words a failure repeats, our credentials are not among them.
 */
export function maskLookup<T>(result: Lookup<T>, mask: Mask): Lookup<T> {
  const tell = (text: string) => redact(text, mask, maxDetail);
  switch (result.kind) {
    case 'absent':
      return { ...result, detail: tell(result.detail) };
    case 'unavailable':
      return { ...result, cause: { ...result.cause, detail: tell(result.cause.detail) } };
    case 'found':
      return { ...result, value: maskTexts(result.value, mask) };
  }
}

/** The same for what was thrown: its words go to a log. */
export function maskError(error: unknown, mask: Mask): unknown {
  if (!(error instanceof Error)) return error;
  for (const key of ['message', 'stack', 'stderr', 'stdout']) {
    const text: unknown = Reflect.get(error, key);
    if (typeof text !== 'string') continue;
    const masked = mask(text);
    if (masked !== text) Reflect.set(error, key, masked);
  }
  maskError(error.cause, mask);
  return error;
}

/** An `OpenedBody` holds its address and its entity tag. A tag that would have to be changed is none. */
function maskTexts<T>(value: T, mask: Mask): T {
  if (typeof value !== 'object' || value === null || !('url' in value)) return value;
  const { url } = value;
  const etag = 'etag' in value && typeof value.etag === 'string' ? value.etag : undefined;
  return {
    ...value,
    ...(typeof url === 'string' ? { url: mask(url) } : {}),
    ...(etag !== undefined && mask(etag) !== etag ? { etag: undefined } : {}),
  };
}
