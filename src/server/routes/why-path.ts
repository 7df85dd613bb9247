import { decodePath } from '../../http/target.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import { isVersion, type Version } from '../../model/version.ts';
import { type Refusal, type RefusalReason, refusalReasons } from './refusal.ts';

export interface WhyAddress {
  readonly reason: RefusalReason;
  readonly module: ModuleName;
  readonly version: Version;
}

export const whyRoot = '/why/';

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
  return `${whyRoot}${reason}/${time}${name}@${version}`;
}

/** Whether an address that was read says of the refusal what is so. One without a date says nothing wrong. */
export function isTrueAddress(
  { reason, until }: Pick<Refusal, 'reason' | 'until'>,
  refusal: Pick<Refusal, 'reason' | 'until'>,
): boolean {
  if (reason !== refusal.reason) return false;
  return until === undefined || (refusal.until !== undefined && until === toMinute(refusal.until));
}

function toMinute(time: string): string {
  const minute = 60_000;
  return new Date(Math.ceil(Date.parse(time) / minute) * minute).toISOString().replace(/:\d\d\.\d{3}Z$/, 'Z');
}

/** `undefined` for what no such address says. `until` is the date in it, if there is one. */
export function parseWhyPath(path: string): (WhyAddress & Pick<Refusal, 'until'>) | undefined {
  const decoded = decodePath(path.slice(whyRoot.length));
  const match = /^([a-z-]+)\/(?:until-([0-9TZ:-]+)\/)?(.+)@([^@]+)$/s.exec(decoded ?? '');
  const [, reason, until, module = '', version] = match ?? [];
  if (!isRefusalReason(reason) || !isModuleName(module) || !isVersion(version)) return undefined;
  return { reason, module, version, until };
}

function isRefusalReason(text: unknown): text is RefusalReason {
  return refusalReasons.some((reason) => reason === text);
}
