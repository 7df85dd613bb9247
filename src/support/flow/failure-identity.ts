import { ConfigError, RegistryError } from '../../errors.ts';
import { errorCode } from '../error-code.ts';

/**
 * What has failed, without what differs from one try to the next: names of temporary files, process numbers, object ids,
 * durations. Two failures with the same identity are told once.
 */
export function identifyFailure(error: unknown): string {
  if (error instanceof ConfigError)
    return JSON.stringify([error.message, error.problems.map(({ path, message }) => [path, message])]);
  const kind = error instanceof RegistryError ? error.code : error instanceof Error ? error.name : 'other';
  const message = error instanceof Error ? error.message : String(error);
  return JSON.stringify([kind, rootCode(error), withoutChance(message)]);
}

function rootCode(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return (cause === undefined ? undefined : rootCode(cause)) ?? errorCode(error);
}

/** Numbers and what is written in hexadecimal digits are chance; so are names of our temporary files. */
function withoutChance(text: string): string {
  return text
    .replaceAll(/[^\s/"']*\.tmp\b/g, '*.tmp')
    .replaceAll(/\btmp_\w+_\w+/g, 'tmp_*')
    .replaceAll(/[0-9a-f]{7,}/g, '#')
    .replaceAll(/\d+/g, '#');
}
