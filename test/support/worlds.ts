import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  startUpstreamRegistry,
  type UpstreamOptions,
  type UpstreamRegistry,
} from '../worlds/upstream-registry.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** An embedded registry that lists `ids` (`OWNER/NAME@VERSION`) and is closed when the running test has finished. */
export async function startUpstream(
  ids: readonly string[] = [],
  options: Partial<UpstreamOptions> = {},
): Promise<UpstreamRegistry> {
  const upstream = await startUpstreamRegistry({
    directory: join(temporaryDirectory(), 'upstream'),
    ...options,
  });
  onTestFinished(() => upstream.close());
  if (ids.length > 0)
    await upstream.publishMany(
      ids.map((id) => ({
        module: id.slice(0, id.lastIndexOf('@')),
        version: id.slice(id.lastIndexOf('@') + 1),
      })),
    );
  return upstream;
}

/** The entries of an index file, oldest first. */
export function readEntries(file: string | Buffer | undefined): Record<string, unknown>[] {
  return (file ?? '')
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
