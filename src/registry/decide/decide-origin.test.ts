import { describe, expect, test } from 'vitest';
import { moduleName } from '../../../test/support/registry-world.ts';
import { type Decision, decideOrigin } from './decide-origin.ts';
import { policyConfig, snapshotRecord } from './policy.fixture.ts';
import { policyOf } from './policy.ts';

type Settings = Parameters<typeof policyConfig>[0][number];

/** Sources as `name:priority`, or with settings; all have been read, and are current, unless something else is said of them. */
interface World {
  readonly sources: readonly (string | Settings)[];
  readonly removed?: readonly string[];
  readonly unread?: readonly string[];
  /** Read at an address that they have no longer. */
  readonly elsewhere?: readonly string[];
  /** Read before, and not in this sync. */
  readonly stale?: readonly string[];
  /** Sources whose reading that is held back lists the module; they are not current. */
  readonly heldBy?: readonly string[];
  /** The plan rests on no reading at all. */
  readonly withoutReadings?: boolean;
  readonly waitedFor?: readonly string[];
  readonly listedBy: readonly string[];
  readonly recorded?: string;
  /** As is usual of what is recorded. */
  readonly isPinned?: boolean;
  readonly disagrees?: readonly string[];
  readonly module?: string;
  /** Where the operator puts it now. */
  readonly accepted?: string;
  /** Look-alikes that the operator lists. */
  readonly acceptedNames?: readonly string[];
}

function settingsOf(source: string | Settings): Settings {
  if (typeof source !== 'string') return source;
  const [name = '', priority] = source.split(':');
  return { name, priority: Number(priority) };
}

function decide(world: World): Decision {
  const { sources, removed = [], unread = [], elsewhere = [], stale = [], heldBy = [] } = world;
  const settings = sources.map(settingsOf);
  const gone = removed.map(settingsOf);
  const snapshots = [...settings, ...gone]
    .filter(({ name }) => !unread.includes(name))
    .map(({ name, priority }) => ({
      ...snapshotRecord(name, priority),
      ...(elsewhere.includes(name) ? { indexUrl: 'https://elsewhere.example/index' } : {}),
    }));
  const facts = {
    module: moduleName(world.module ?? 'company/tool'),
    listings: new Map(world.listedBy.map((name) => [name, `file of ${name}`])),
    heldBy: new Set(heldBy),
    recorded: world.recorded,
    isPinned: world.isPinned ?? world.recorded !== undefined,
  };
  const absent = new Set([...unread, ...elsewhere, ...stale, ...heldBy]);
  const current = new Set(settings.map(({ name }) => name).filter((name) => !absent.has(name)));
  return decideOrigin(facts, policyOf(policyConfig(settings), snapshots, world), {
    agrees: (source) => !(world.disagrees ?? []).includes(source),
    accepted: world.accepted,
    current: world.withoutReadings ? undefined : current,
    waitedFor: world.waitedFor,
  });
}

const three = ['mooncakes:100', 'partner:50', 'internal:25'];
const claiming: Settings = { name: 'internal', priority: 200, namespaces: ['company/*'] };

describe('rule 1: a module that is new', () => {
  test.each([
    ['one source, if only it lists it', ['mooncakes'], 'mooncakes'],
    ['the lowest priority number', ['mooncakes', 'internal', 'partner'], 'internal'],
    ['the lowest number that lists it', ['mooncakes', 'partner'], 'partner'],
  ])('comes from %s', (_, listedBy, origin) => {
    const expected = { rule: 'priority', origin, file: `file of ${origin}`, supply: 'all' };
    expect(decide({ sources: three, listedBy })).toMatchObject(expected);
    expect(decide({ sources: three, listedBy: listedBy.toReversed() })).toMatchObject(expected);
  });

  test('comes from the first of two sources of one priority', () => {
    const listedBy = ['a', 'b'];
    expect(decide({ sources: ['a:50', 'b:50'], listedBy })).toMatchObject({ rule: 'priority', origin: 'a' });
    expect(decide({ sources: ['b:50', 'a:50'], listedBy })).toMatchObject({ rule: 'priority', origin: 'b' });
  });

  test('that nobody lists comes from nowhere', () => {
    expect(decide({ sources: three, listedBy: [] })).toEqual({
      rule: 'unlisted',
      origin: undefined,
      file: undefined,
      supply: 'all',
      contender: undefined,
      waitsFor: [],
    });
  });

  test.each([
    ['disabled', { name: 'internal', priority: 25, enabled: false }],
    ['limited to other names', { name: 'internal', priority: 25, include: ['other/*'] }],
    ['excluding the name', { name: 'internal', priority: 25, exclude: ['*/tool'] }],
  ])('does not come from a source that is %s', (_, source) => {
    const sources = ['mooncakes:100', source];
    expect(decide({ sources, listedBy: ['mooncakes', 'internal'] })).toMatchObject({
      rule: 'priority',
      origin: 'mooncakes',
    });
    expect(decide({ sources, listedBy: ['internal'] })).toMatchObject({
      rule: 'unlisted',
      origin: undefined,
    });
  });

  test('does not come from a source that was removed', () => {
    const world = { sources: ['mooncakes:100'], removed: ['internal:25'] };
    expect(decide({ ...world, listedBy: ['internal'] })).toMatchObject({ rule: 'unlisted' });
    expect(decide({ ...world, listedBy: ['internal', 'mooncakes'] })).toMatchObject({ origin: 'mooncakes' });
  });
});

describe('rule 1: a claimed name', () => {
  test.each([
    ['before sources of lower numbers', ['mooncakes', 'internal'], 'file of internal'],
    ['even where it does not list it', ['mooncakes'], undefined],
    ['even where nobody lists it', [], undefined],
  ])('belongs to its claimant, %s', (_, listedBy, file) => {
    expect(decide({ sources: ['mooncakes:1', claiming], listedBy })).toEqual({
      rule: 'claimed',
      origin: 'internal',
      file,
      supply: 'all',
      contender: undefined,
      waitsFor: [],
    });
  });

  test('belongs to its claimant while that has never been read', () => {
    const world = { sources: ['mooncakes:1', claiming], unread: ['internal'], listedBy: ['mooncakes'] };
    expect(decide(world)).toMatchObject({ rule: 'claimed', origin: 'internal', file: undefined });
  });

  test('belongs to its claimant while that is disabled, from the cache', () => {
    const sources = ['mooncakes:1', { ...claiming, enabled: false }];
    expect(decide({ sources, listedBy: ['mooncakes', 'internal'] })).toMatchObject({
      rule: 'claimed',
      origin: 'internal',
      file: 'file of internal',
      supply: 'obtainable',
    });
    expect(decide({ sources, listedBy: ['mooncakes'] })).toMatchObject({
      origin: 'internal',
      file: undefined,
    });
  });

  test('comes from nowhere where its claimant excludes it', () => {
    const sources = ['mooncakes:1', { ...claiming, exclude: ['company/tool'] }];
    expect(decide({ sources, listedBy: ['mooncakes', 'internal'] })).toMatchObject({
      rule: 'claimed',
      origin: 'internal',
      file: undefined,
    });
  });

  test('is what the claim matches, and nothing else', () => {
    const world = { sources: ['mooncakes:1', claiming], listedBy: ['mooncakes', 'internal'] };
    expect(decide({ ...world, module: 'company2/tool' })).toMatchObject({
      rule: 'priority',
      origin: 'mooncakes',
    });
  });

  test.each([
    ['another letter case', 'Company/Tool'],
    ['the sign for kelvin instead of a K', 'company/\u212aeys', 'company/keys'],
    ['another Unicode form', 'caf\u0065\u0301/tool', 'caf\u00e9/*'],
    ['a character that is drawn as nothing', 'comp\u00adany/tool'],
  ])('belongs to its claimant in %s too, which alone may list it', (_, module, pattern = 'company/*') => {
    const sources = ['mooncakes:1', { ...claiming, namespaces: [pattern] }];
    const claimed = { rule: 'claimed', origin: 'internal' };
    expect(decide({ sources, module, listedBy: ['mooncakes'] })).toMatchObject({
      ...claimed,
      file: undefined,
    });
    expect(decide({ sources, module, listedBy: ['internal'] })).toMatchObject({
      ...claimed,
      file: 'file of internal',
    });
  });

  test('covers what is written in lower case where the claim has capitals', () => {
    const sources = ['mooncakes:1', { ...claiming, namespaces: ['Company/*'] }];
    expect(decide({ sources, listedBy: ['mooncakes'] })).toMatchObject({
      rule: 'claimed',
      origin: 'internal',
      file: undefined,
    });
  });

  test('leaves a look-alike that the operator lists to whoever lists it', () => {
    const world = { sources: ['mooncakes:1', claiming], listedBy: ['mooncakes'], module: 'Company/tool' };
    const acceptedNames = ['Company/tool'];
    expect(decide({ ...world, acceptedNames })).toMatchObject({ rule: 'priority', origin: 'mooncakes' });
    expect(decide({ ...world, acceptedNames: ['Company/other'] })).toMatchObject({ rule: 'claimed' });
    expect(decide({ ...world, module: 'company/tool', acceptedNames: ['company/tool'] })).toMatchObject({
      rule: 'claimed',
      origin: 'internal',
    });
  });
});

describe('rule 1: what a source may supply', () => {
  test('is granted to a name as it is written, and denied to what looks like it', () => {
    const including = { name: 'partner', priority: 10, include: ['partner/*'] };
    const excluding = { name: 'partner', priority: 10, exclude: ['partner/*'] };
    const listedBy = ['partner', 'mooncakes'];
    for (const module of ['Partner/a', 'PARTNER/a']) {
      for (const partner of [including, excluding])
        expect(decide({ sources: ['mooncakes:100', partner], listedBy, module })).toMatchObject({
          origin: 'mooncakes',
        });
    }
  });
});

describe('rule 2: a claim on a module with an origin', () => {
  const sources = ['mooncakes:100', { ...claiming, priority: 25 }];
  const listedBy = ['mooncakes', 'internal'];

  test.each([
    ['a source of less trust', 'mooncakes', sources],
    ['a source of equal trust', 'mooncakes', ['mooncakes:25', { ...claiming, priority: 25 }]],
    ['a source long gone', 'nobody', sources],
  ])('takes it from %s, if nothing that was served changes', (_, recorded, configured) => {
    expect(decide({ sources: configured, listedBy, recorded })).toEqual({
      rule: 'claimed',
      origin: 'internal',
      file: 'file of internal',
      supply: 'all',
      contender: recorded,
      waitsFor: [],
    });
  });

  test('takes it from its own source as a matter of course, whatever changed there', () => {
    expect(decide({ sources, listedBy, recorded: 'internal', disagrees: ['internal'] })).toMatchObject({
      rule: 'claimed',
      origin: 'internal',
      contender: undefined,
    });
  });

  test.each([
    ['would change what was served', sources, ['internal']],
    ['is of a source of less trust', ['mooncakes:1', { ...claiming, priority: 25 }], []],
  ])('that %s leaves what is pinned where it is, and lists nothing new', (_, configured, disagrees) => {
    expect(decide({ sources: configured, listedBy, recorded: 'mooncakes', disagrees })).toEqual({
      rule: 'held',
      origin: 'mooncakes',
      file: 'file of mooncakes',
      supply: 'pinned',
      contender: 'internal',
      waitsFor: [],
    });
  });

  test('that disagrees takes it where the operator says so', () => {
    const world = { sources, listedBy, recorded: 'mooncakes', disagrees: ['internal'] };
    expect(decide({ ...world, accepted: 'internal' })).toMatchObject({
      rule: 'claimed',
      origin: 'internal',
      contender: 'mooncakes',
    });
    expect(decide({ ...world, accepted: 'mooncakes' })).toMatchObject({ rule: 'held', origin: 'mooncakes' });
  });

  test('that disagrees leaves of a disabled origin what can be had', () => {
    const disabled = { name: 'mooncakes', priority: 100, enabled: false };
    const world = { sources: [disabled, ...sources.slice(1)], listedBy, recorded: 'mooncakes' };
    expect(decide({ ...world, disagrees: ['internal'] })).toMatchObject({
      origin: 'mooncakes',
      supply: 'obtainable',
    });
  });
});

describe('rule 2: a module with an origin', () => {
  test('keeps it', () => {
    const world = { sources: three, listedBy: ['mooncakes', 'partner'], recorded: 'partner' };
    expect(decide(world)).toMatchObject({ rule: 'priority', origin: 'partner', contender: undefined });
  });

  test('stays although a source of a lower number that agrees on what was served lists it', () => {
    expect(decide({ sources: three, listedBy: ['mooncakes', 'internal'], recorded: 'mooncakes' })).toEqual({
      rule: 'held',
      origin: 'mooncakes',
      file: 'file of mooncakes',
      supply: 'all',
      contender: 'internal',
      waitsFor: [],
    });
  });

  test('stays there too where its origin lists it no longer, is disabled or was removed', () => {
    const held = { rule: 'held', origin: 'mooncakes', file: undefined, contender: 'internal' };
    const base = { listedBy: ['internal'], recorded: 'mooncakes' };
    const disabled = { name: 'mooncakes', priority: 100, enabled: false };
    expect(decide({ ...base, sources: three })).toMatchObject({ ...held, supply: 'all' });
    expect(decide({ ...base, sources: [disabled, 'internal:25'] })).toMatchObject({
      ...held,
      supply: 'obtainable',
    });
    expect(decide({ ...base, sources: ['internal:25'], removed: ['mooncakes:100'] })).toMatchObject({
      ...held,
      supply: 'obtainable',
    });
  });

  test('moves where the operator puts it, to any source that lists it and to no other', () => {
    const world = { sources: three, listedBy: ['mooncakes', 'internal'], recorded: 'internal' };
    expect(decide({ ...world, accepted: 'mooncakes' })).toEqual({
      rule: 'moved',
      origin: 'mooncakes',
      file: 'file of mooncakes',
      supply: 'all',
      contender: 'internal',
      waitsFor: [],
    });
    expect(decide({ ...world, accepted: 'partner' })).toMatchObject({ rule: 'priority', origin: 'internal' });
  });

  test.each([
    ['lists it no longer', three, []],
    ['is disabled', ['mooncakes:100', { name: 'internal', priority: 25, enabled: false }], []],
    ['was removed', ['mooncakes:100'], ['internal:25']],
    ['excludes it now', ['mooncakes:100', { name: 'internal', priority: 25, exclude: ['*/tool'] }], []],
  ])('is not taken over from below while its origin %s', (_, sources, removed) => {
    const listedBy = ['mooncakes'];
    expect(decide({ sources, removed, listedBy, recorded: 'internal' })).toMatchObject({
      rule: 'held',
      origin: 'internal',
      file: undefined,
      contender: 'mooncakes',
    });
  });

  test('does not move between equals', () => {
    const listedBy = ['a', 'b'];
    expect(decide({ sources: ['a:50', 'b:50'], listedBy, recorded: 'b' })).toMatchObject({
      rule: 'held',
      origin: 'b',
      contender: 'a',
    });
    expect(decide({ sources: ['a:50', 'b:50'], listedBy: ['b'], recorded: 'a' })).toMatchObject({
      rule: 'held',
      origin: 'a',
      file: undefined,
      contender: 'b',
    });
  });

  test('stays recorded when no enabled source lists it', () => {
    const disabled = { name: 'partner', priority: 50, enabled: false };
    expect(
      decide({ sources: ['mooncakes:100', disabled], listedBy: ['partner'], recorded: 'partner' }),
    ).toEqual({
      rule: 'recorded',
      origin: 'partner',
      file: 'file of partner',
      supply: 'obtainable',
      contender: undefined,
      waitsFor: [],
    });
    expect(decide({ sources: three, listedBy: [], recorded: 'partner' })).toMatchObject({
      rule: 'recorded',
      origin: 'partner',
      file: undefined,
      supply: 'all',
    });
  });

  test('of which nothing is left belongs to nobody else', () => {
    const sources = ['mooncakes:100'];
    expect(decide({ sources, listedBy: ['mooncakes'], recorded: 'forgotten' })).toMatchObject({
      rule: 'held',
      origin: 'forgotten',
      file: undefined,
      contender: 'mooncakes',
    });
    expect(decide({ sources, listedBy: [], recorded: 'forgotten' })).toMatchObject({
      rule: 'recorded',
      origin: 'forgotten',
    });
  });
});

describe('rule 4: a source that is not current', () => {
  const undecided = { rule: 'undecided', origin: undefined, file: undefined, supply: 'all' };

  test.each([
    ['was never read', { unread: ['internal'] }],
    ['was read at another address', { elsewhere: ['internal'] }],
    ['could not be read in this sync', { stale: ['internal'] }],
    ['has a reading that is held back', { heldBy: ['internal'] }],
  ])('because it %s keeps new names undecided that it could win', (_, condition) => {
    const world = { sources: three, listedBy: ['mooncakes', 'partner'], ...condition };
    expect(decide(world)).toEqual({ ...undecided, contender: 'internal', waitsFor: ['internal'] });
  });

  test('keeps them although its old reading lacks the name, and takes one that its old reading has', () => {
    const world = { sources: three, stale: ['internal'] };
    expect(decide({ ...world, listedBy: ['mooncakes'] })).toMatchObject({ rule: 'undecided' });
    expect(decide({ ...world, listedBy: ['mooncakes', 'internal'] })).toMatchObject({
      rule: 'priority',
      origin: 'internal',
    });
  });

  test('of several waits for every one, the most trusted first', () => {
    const world = { sources: three, listedBy: ['mooncakes'], stale: ['internal'], unread: ['partner'] };
    expect(decide(world)).toMatchObject({ contender: 'internal', waitsFor: ['internal', 'partner'] });
    expect(decide({ ...world, listedBy: ['mooncakes', 'partner'] })).toMatchObject({
      waitsFor: ['internal', 'partner'],
    });
  });

  test('keeps them also at the same priority, if it was added first', () => {
    const world = { sources: ['a:50', 'b:50'], listedBy: ['b'] };
    for (const condition of [{ unread: ['a'] }, { stale: ['a'] }]) {
      expect(decide({ ...world, ...condition })).toMatchObject({ rule: 'undecided', waitsFor: ['a'] });
      expect(decide({ sources: ['b:50', 'a:50'], listedBy: ['b'], ...condition })).toMatchObject({
        origin: 'b',
      });
    }
  });

  test.each([
    ['trusted less', ['mooncakes:100', 'internal:25'], 'mooncakes', 'internal'],
    [
      'disabled',
      ['mooncakes:100', { name: 'internal', priority: 25, enabled: false }],
      'internal',
      'mooncakes',
    ],
    [
      'limited to other names',
      ['mooncakes:100', { name: 'internal', priority: 25, include: ['other/*'] }],
      'internal',
      'mooncakes',
    ],
    [
      'excluding what looks like the name',
      ['mooncakes:100', { name: 'internal', priority: 25, exclude: ['Company/*'] }],
      'internal',
      'mooncakes',
    ],
  ])('does not keep them when it is %s', (_, sources, name, origin) => {
    for (const condition of [{ unread: [name] }, { stale: [name] }, { elsewhere: [name] }])
      expect(decide({ sources, listedBy: [origin], ...condition })).toMatchObject({
        rule: 'priority',
        origin,
      });
  });

  test('that claims namespaces keeps back what it claims, and what a held reading of it lists', () => {
    const holding = { ...claiming, priority: 25, namespaces: ['org/*'], holdsNewNames: 'claimed' as const };
    const world = { sources: ['mooncakes:100', holding], listedBy: ['mooncakes'] };
    expect(decide({ ...world, stale: ['internal'] })).toMatchObject({
      rule: 'priority',
      origin: 'mooncakes',
    });
    expect(decide({ ...world, stale: ['internal'], module: 'org/a' })).toMatchObject({ rule: 'claimed' });
    expect(decide({ ...world, heldBy: ['internal'] })).toMatchObject({ waitsFor: ['internal'] });
    const all = { ...holding, holdsNewNames: 'all' as const };
    expect(decide({ ...world, sources: ['mooncakes:100', all], stale: ['internal'] })).toMatchObject({
      waitsFor: ['internal'],
    });
  });

  test('lists nothing new by what it was read at another address, and goes on with what is recorded to it', () => {
    const world = { sources: three, elsewhere: ['internal'], listedBy: ['internal'] };
    expect(decide(world)).toMatchObject({ rule: 'unlisted' });
    expect(decide({ ...world, recorded: 'internal' })).toMatchObject({
      origin: 'internal',
      file: 'file of internal',
      supply: 'all',
    });
    expect(decide({ ...world, recorded: 'partner' })).toMatchObject({
      rule: 'recorded',
      origin: 'partner',
      contender: undefined,
    });
  });

  test('is not waited for where the operator has decided', () => {
    const world = { sources: three, listedBy: ['mooncakes'], stale: ['internal'], accepted: 'mooncakes' };
    expect(decide(world)).toMatchObject({ rule: 'priority', origin: 'mooncakes' });
    expect(decide({ ...world, withoutReadings: true })).toMatchObject({ origin: 'mooncakes' });
  });

  test('changes nothing for a module with an origin', () => {
    const world = { sources: three, unread: ['internal'], listedBy: ['mooncakes', 'partner'] };
    expect(decide({ ...world, recorded: 'partner' })).toMatchObject({ rule: 'priority', origin: 'partner' });
    expect(decide({ ...world, recorded: 'mooncakes' })).toMatchObject({
      rule: 'held',
      origin: 'mooncakes',
      contender: 'partner',
    });
  });
});

describe('rule 4: a plan that rests on no reading', () => {
  test('gives no name away, and waits for nothing but a sync where every source could be read', () => {
    const world = { withoutReadings: true, listedBy: ['mooncakes'] };
    const waiting = { rule: 'undecided', origin: undefined, file: undefined };
    expect(decide({ ...world, sources: ['mooncakes:100'] })).toMatchObject({
      ...waiting,
      contender: undefined,
      waitsFor: [],
    });
    // Whether the others are current is for the sync to say that follows at once.
    expect(decide({ ...world, sources: three })).toMatchObject({ ...waiting, waitsFor: [] });
    expect(decide({ ...world, sources: three, unread: ['internal'] })).toMatchObject({
      ...waiting,
      waitsFor: [],
    });
    expect(decide({ ...world, sources: three, heldBy: ['internal'] })).toMatchObject({
      ...waiting,
      waitsFor: ['internal'],
    });
  });

  test('leaves everything recorded and claimed as a plan with readings does', () => {
    for (const recorded of ['mooncakes', 'partner', 'internal', 'gone']) {
      const world = { sources: three, listedBy: ['mooncakes', 'partner'], recorded };
      expect(decide({ ...world, withoutReadings: true })).toEqual(decide(world));
    }
    const claimed = { sources: ['mooncakes:1', claiming], listedBy: ['internal'] };
    expect(decide({ ...claimed, withoutReadings: true })).toEqual(decide(claimed));
  });
});

describe('rule 6: a disabled or removed origin', () => {
  test.each([
    ['disabled', [{ name: 'partner', priority: 50, enabled: false }, 'mooncakes:100'], []],
    ['removed', ['mooncakes:100'], ['partner:50']],
  ])('that is %s supplies what is cached, and nobody takes its place', (_, sources, removed) => {
    const listedBy = ['mooncakes', 'partner'];
    expect(decide({ sources, removed, listedBy, recorded: 'partner' })).toMatchObject({
      rule: 'held',
      origin: 'partner',
      file: 'file of partner',
      supply: 'obtainable',
      contender: 'mooncakes',
    });
  });

  test.each([true, false])('never supplies what it excludes (enabled: %s)', (enabled) => {
    const source = { name: 'partner', priority: 50, enabled, exclude: ['company/*'] };
    expect(decide({ sources: [source], listedBy: ['partner'], recorded: 'partner' })).toMatchObject({
      rule: 'recorded',
      origin: 'partner',
      file: undefined,
      supply: 'none',
    });
  });
});

test('a name that a removed source never gave a readable version of is as new as any other', () => {
  const world = { sources: ['public:100'], removed: ['internal:25'], listedBy: ['public'] };
  const unpinned = { ...world, recorded: 'internal', isPinned: false };
  expect(decide(unpinned)).toMatchObject({ rule: 'priority', origin: 'public' });
  expect(decide({ ...unpinned, withoutReadings: true })).toMatchObject({ rule: 'undecided' });
  expect(decide({ ...unpinned, isPinned: true })).toMatchObject({ rule: 'held', origin: 'internal' });
  const configured = { ...unpinned, sources: ['public:100', 'internal:25'], removed: [] };
  expect(decide(configured)).toMatchObject({ origin: 'internal' });
});

test('without readings, a name goes on waiting for what it waited for, as far as that can still have it', () => {
  const waiting = { sources: three, listedBy: ['mooncakes'], withoutReadings: true };
  const before = { ...waiting, waitedFor: ['internal', 'partner'] };
  expect(decide(waiting)).toMatchObject({ rule: 'undecided', waitsFor: [] });
  expect(decide(before)).toMatchObject({ rule: 'undecided', waitsFor: ['internal', 'partner'] });
  expect(decide({ ...before, listedBy: ['partner'] })).toMatchObject({ waitsFor: ['internal'] });
  const sources = ['mooncakes:100', { name: 'internal', priority: 25, enabled: false }, 'partner:200'];
  expect(decide({ ...before, sources })).toMatchObject({ rule: 'undecided', waitsFor: [] });
  // A sync that reads them knows better.
  expect(decide({ ...before, withoutReadings: false })).toMatchObject({ origin: 'mooncakes' });
});

test('whether a source agrees is asked only of the one the module would move to', () => {
  const asked: string[] = [];
  const sources = [...three.map(settingsOf), { ...claiming, name: 'owner', priority: 10 }];
  const facts = {
    module: moduleName('company/tool'),
    listings: new Map(sources.map(({ name }) => [name, 'file'])),
    heldBy: new Set<string>(),
    recorded: 'mooncakes',
    isPinned: true,
  };
  const snapshots = sources.map(({ name }) => snapshotRecord(name));
  const context = {
    agrees(source: string) {
      asked.push(source);
      return false;
    },
    current: new Set<string>(),
  };
  decideOrigin(facts, policyOf(policyConfig(sources), snapshots), context);
  expect(asked).toEqual(['owner']);
  // A module moves nowhere without a claim, so nobody is asked.
  decideOrigin(facts, policyOf(policyConfig(three.map(settingsOf)), snapshots.slice(0, 3)), context);
  expect(asked).toEqual(['owner']);
});
