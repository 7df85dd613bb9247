import { parseJson } from '../support/parse-json.ts';
import { toVisibleLine } from '../support/visible-text.ts';

interface StatedYank {
  readonly version?: unknown;
  readonly yanked?: unknown;
  readonly yanked_reason?: unknown;
}

const longestReason = 500;

/** The reason for which an index file says that a version is not to be used any more; `undefined` if it does not. The last line of it counts. */
export function statedYank(file: Buffer, version: string): string | undefined {
  let reason: string | undefined;
  for (const text of file.toString('utf8').split('\n')) {
    const line = parseJson(text) as StatedYank | null | undefined;
    if (line?.version !== version) continue;
    const said = typeof line.yanked_reason === 'string' ? line.yanked_reason : '';
    reason = line.yanked === true ? toVisibleLine(said.slice(0, longestReason)) : undefined;
  }
  return reason;
}
