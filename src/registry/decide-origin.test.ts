import { describe, expect, test } from 'vitest';
import { moduleName } from '../../test/support/registry-world.ts';
import { type Decision, decideOrigin } from './decide-origin.ts';
import { policyConfig, snapshotRecord } from './policy.fixture.ts';
import { policyOf } from './policy.ts';

type Settings = Parameters<typeof policyConfig>[0][number];

/** Sources as `name:priority`, or with settings; all have been read unless `unread` names them. */
interface World {
  readonly sources: readonly (string | Settings)[];
  readonly removed?: readonly string[];
  readonly unread?: readonly string[];
  readonly listedBy: readonly string[];
  readonly recorded?: string;
  readonly disagrees?: readonly string[];
  readonly module?: string;
}

function settingsOf(source: string | Settings): Settings {
  if (typeof source !== 'string') return source;
  const [name = '', priority] = source.split(':');
  return { name, priority: Number(priority) };
}

function decide(world: World): Decision {
  const { sources, removed = [], unread = [], listedBy, recorded, disagrees = [] } = world;
  const settings = sources.map(settingsOf);
  const gone = removed.map(settingsOf);
  const snapshots = [...settings, ...gone]
    .filter(({ name }) => !unread.includes(name))
    .map(({ name, priority }) => snapshotRecord(name, priority));
  const facts = {
    module: moduleName(world.module ?? 'company/tool'),
    listings: new Map(listedBy.map((name) => [name, `file of ${name}`])),
    heldBy: new Set<string>(),
    recorded,
  };
  return decideOrigin(facts, policyOf(policyConfig(settings), snapshots), {
    agrees: (source) => !disagrees.includes(source),
    current: new Set(snapshots.map(({ source }) => source)),
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

  test.each([['mooncakes'], ['internal'], ['a source long gone']])(
    'belongs to its claimant although it was recorded for %s',
    (recorded) => {
      const world = { sources: ['mooncakes:1', claiming], listedBy: ['mooncakes', 'internal'], recorded };
      expect(decide({ ...world, disagrees: ['internal'] })).toMatchObject({
        rule: 'claimed',
        origin: 'internal',
      });
    },
  );

  test('comes from nowhere where its claimant excludes it', () => {
    const sources = ['mooncakes:1', { ...claiming, exclude: ['company/tool'] }];
    expect(decide({ sources, listedBy: ['mooncakes', 'internal'] })).toMatchObject({
      rule: 'claimed',
      origin: 'internal',
      file: undefined,
    });
  });

  test('is only what the claim matches', () => {
    const world = { sources: ['mooncakes:1', claiming], listedBy: ['mooncakes', 'internal'] };
    expect(decide({ ...world, module: 'company2/tool' })).toMatchObject({
      rule: 'priority',
      origin: 'mooncakes',
    });
  });
});

describe('rule 2: a module with an origin', () => {
  test('keeps it', () => {
    const world = { sources: three, listedBy: ['mooncakes', 'partner'], recorded: 'partner' };
    expect(decide(world)).toMatchObject({ rule: 'priority', origin: 'partner', contender: undefined });
  });

  test('moves to a source of a lower number that agrees on what was served', () => {
    expect(decide({ sources: three, listedBy: ['mooncakes', 'internal'], recorded: 'mooncakes' })).toEqual({
      rule: 'moved',
      origin: 'internal',
      file: 'file of internal',
      supply: 'all',
      contender: 'mooncakes',
    });
  });

  test('moves there although its origin lists it no longer, is disabled or was removed', () => {
    const moved = { rule: 'moved', origin: 'internal', supply: 'all' };
    const base = { listedBy: ['internal'], recorded: 'mooncakes' };
    const disabled = { name: 'mooncakes', priority: 100, enabled: false };
    expect(decide({ ...base, sources: three })).toMatchObject(moved);
    expect(decide({ ...base, sources: [disabled, 'internal:25'] })).toMatchObject(moved);
    expect(decide({ ...base, sources: ['internal:25'], removed: ['mooncakes:100'] })).toMatchObject(moved);
  });

  test('stays where the source of a lower number would change what was served', () => {
    const world = { sources: three, listedBy: ['mooncakes', 'internal'], recorded: 'mooncakes' };
    expect(decide({ ...world, disagrees: ['internal'] })).toMatchObject({
      rule: 'held',
      origin: 'mooncakes',
      file: 'file of mooncakes',
      contender: 'internal',
    });
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

describe('rule 4: a source that could not be read yet', () => {
  test('keeps new names undecided that it would win', () => {
    expect(decide({ sources: three, unread: ['internal'], listedBy: ['mooncakes', 'partner'] })).toEqual({
      rule: 'undecided',
      origin: undefined,
      file: undefined,
      supply: 'all',
      contender: 'internal',
    });
  });

  test('keeps them also at the same priority, if it was added first', () => {
    const world = { sources: ['a:50', 'b:50'], listedBy: ['b'] };
    expect(decide({ ...world, unread: ['a'] })).toMatchObject({ rule: 'undecided', contender: 'a' });
    expect(decide({ sources: ['b:50', 'a:50'], listedBy: ['b'], unread: ['a'] })).toMatchObject({
      origin: 'b',
    });
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
  ])('does not keep them when it is %s', (_, sources, unread, origin) => {
    expect(decide({ sources, unread: [unread], listedBy: [origin] })).toMatchObject({
      rule: 'priority',
      origin,
    });
  });

  test('changes nothing for a module with an origin', () => {
    const world = { sources: three, unread: ['internal'], listedBy: ['mooncakes', 'partner'] };
    expect(decide({ ...world, recorded: 'partner' })).toMatchObject({ rule: 'priority', origin: 'partner' });
    expect(decide({ ...world, recorded: 'mooncakes' })).toMatchObject({ rule: 'moved', origin: 'partner' });
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
      isCachedOnly: !enabled,
    });
  });
});

test('whether a source agrees is asked only of the one the module would move to', () => {
  const asked: string[] = [];
  const facts = {
    module: moduleName('company/tool'),
    listings: new Map(three.map((text) => [settingsOf(text).name, 'file'])),
    heldBy: new Set<string>(),
    recorded: 'mooncakes',
  };
  const config = policyConfig(three.map(settingsOf));
  const snapshots = three.map((text) => snapshotRecord(settingsOf(text).name));
  decideOrigin(facts, policyOf(config, snapshots), {
    agrees(source) {
      asked.push(source);
      return false;
    },
    current: new Set(),
  });
  expect(asked).toEqual(['internal']);
});
