import type { SourceType } from './config.ts';

interface Preset {
  readonly name: string;
  readonly type: SourceType;
  readonly url: string;
  readonly indexUrl: string;
  readonly priority: number;
  readonly downloadUrl: string;
}

/** The official registry, whose archives are on a host of their own (moon-protocol §3). */
export const mooncakesPreset: Preset = {
  name: 'mooncakes',
  type: 'mooncakes',
  url: 'https://mooncakes.io',
  indexUrl: 'https://mooncakes.io/git/index',
  priority: 100,
  downloadUrl: 'https://download.mooncakes.io',
};

/** Priority of a source for which none is given. */
export function impliedPriority(type: SourceType): number {
  return type === mooncakesPreset.type ? mooncakesPreset.priority : 50;
}

/** How many requests a source gets at the same time, unless the file says otherwise. */
export const defaultMaxConcurrency = 32;

/** Whether an address is the official registry's own: only then are its index and archive hosts implied. */
export function isMooncakesUrl(url: string): boolean {
  return URL.canParse(url) && new URL(url).host === new URL(mooncakesPreset.url).host;
}
