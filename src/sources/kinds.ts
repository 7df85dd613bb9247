/**
 * The kinds of sources, `type` in `registry.toml` and `Type:` in `source list`. Nothing else asks of which kind a source is:
 * whatever differs between kinds is a column here.
 */
interface Kind {
  /** Which of the openers of `connect.ts` opens it. */
  readonly opensAs: 'git';
  /** Where its archives are, if no setting says it; `url` is its own, without trailing slash. */
  readonly archivesAt: (url: string) => string;
  /** Whether addresses that are not written are implied, with this `url` or with none. */
  readonly impliesAddresses: (url: string | undefined) => boolean;
  /** Its priority, if no setting says it. */
  readonly priority: number;
  /** Whether everybody may know which names it has. */
  readonly isPublic: boolean;
  /** Whether it is asked what it hosts, which is all it supplies unless `include` is written. */
  readonly describesItself: boolean;
}

/** The official registry, whose archives are on a host of their own (moon-protocol §3). */
const officialUrl = 'https://mooncakes.io';
const officialArchives = 'https://download.mooncakes.io';

/** Only where an address is the official registry's own: an index and archives of different hosts would be two registries in one. */
function isOfficial(url: string): boolean {
  return URL.canParse(url) && new URL(url).host === new URL(officialUrl).host;
}

const byItsAddresses: Kind = {
  opensAs: 'git',
  archivesAt: (url) => url,
  impliesAddresses: () => false,
  priority: 50,
  isPublic: false,
  describesItself: false,
};

export const sourceKinds = {
  mooncakes: {
    opensAs: 'git',
    archivesAt: (url) => (isOfficial(url) ? officialArchives : url),
    impliesAddresses: (url) => url === undefined || isOfficial(url),
    priority: 100,
    isPublic: true,
    describesItself: false,
  },
  'moonbit-registry': { ...byItsAddresses, describesItself: true },
  custom: byItsAddresses,
} as const satisfies Readonly<Record<string, Kind>>;

export type SourceKind = keyof typeof sourceKinds;

export const sourceKindNames = Object.keys(sourceKinds) as readonly SourceKind[];

export const defaultSourceKind: SourceKind = 'custom';

/** Sources that need no addresses, by what `--from-preset` calls them. */
export const presets = {
  mooncakes: { type: 'mooncakes', url: officialUrl, indexUrl: `${officialUrl}/git/index` },
} as const satisfies Readonly<Record<string, { type: SourceKind; url: string; indexUrl: string }>>;

/** What is implied where no source is configured. */
export const impliedPreset = { name: 'mooncakes', ...presets.mooncakes } as const;
