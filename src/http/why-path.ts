import { isModuleName, type ModuleName } from '../model/module-name.ts';
import { isVersion, type Version } from '../model/version.ts';
import { type Refusal, type RefusalReason, refusalReasons } from './refusal.ts';
import { decodePath } from './target.ts';

export interface WhyAddress {
  readonly reason: RefusalReason;
  readonly module: ModuleName;
  readonly version: Version;
}

const root = '/why/';

/**
 * `/why/REASON/[until-DATE/]OWNER/NAME@VERSION`: what `moon` prints of a failed download is this address, and never the text
 * that is found there. DATE is ISO 8601 in UTC, to the minute, none of them before it holds no longer.
 */
export function formatWhyPath({
  reason,
  module,
  version,
  until,
}: WhyAddress & Pick<Refusal, 'until'>): string {
  const name = module.split('/').map(encodeURIComponent).join('/');
  const time = until === undefined ? '' : `until-${toMinute(until)}/`;
  return `${root}${reason}/${time}${name}@${version}`;
}

function toMinute(time: string): string {
  const minute = 60_000;
  return new Date(Math.ceil(Date.parse(time) / minute) * minute).toISOString().replace(/:\d\d\.\d{3}Z$/, 'Z');
}

/** `undefined` for what no such address says. The date in it is for people alone. */
export function parseWhyPath(path: string): WhyAddress | undefined {
  const decoded = decodePath(path.slice(root.length));
  const match = /^([a-z-]+)\/(?:until-[0-9TZ:-]+\/)?(.+)@([^@]+)$/s.exec(decoded ?? '');
  const [, reason, module = '', version] = match ?? [];
  if (!isRefusalReason(reason) || !isModuleName(module) || !isVersion(version)) return undefined;
  return { reason, module, version };
}

function isRefusalReason(text: unknown): text is RefusalReason {
  return refusalReasons.some((reason) => reason === text);
}
