import { expect, test } from 'vitest';
import type { ModuleName } from '../model/module-name.ts';
import type { AwaitedSource, HeldBack } from '../registry/sync/held-back.ts';
import { formatHeldBack, summariseHeldBack } from './held-back.ts';

const partner: AwaitedSource = {
  source: 'partner',
  failureClass: 'connection',
  failure: 'connection refused',
  claims: false,
};
const internal: AwaitedSource = { ...partner, source: 'internal', failure: 'HTTP 503' };

function held(names: number, waitsFor: readonly AwaitedSource[], more: Partial<HeldBack> = {}): HeldBack {
  const examples = Array.from({ length: Math.min(names, 10) }, (_, i) => `a/m${i}` as ModuleName);
  const owners = [{ owner: 'a', names }];
  return { kind: 'new', names, owners, examples, waitsFor, since: '2026-01-01T00:00:00.000Z', ...more };
}

const text = (...heldBack: HeldBack[]) => formatHeldBack(heldBack).join('\n');

test('names that wait for one source are one line with the reason, and two commands', () => {
  expect(
    text(held(1587, [partner])),
  ).toBe(`1,587 new names are held back until source "partner" is read: connection refused
  $ moonbit-registry source disable partner   (go on without it)
  $ moonbit-registry config sources.partner.namespaces "<owner>/*"   (or: these names are its own, and it holds back no others)`);
  expect(text()).toBe('');
});

test('a reason is told without the address, and once where it is that of all', () => {
  const failure = 'https://h.example/git/index/info/refs: the connection was refused';
  const [one, other] = [
    { ...partner, failure },
    { ...internal, failure: failure.replace('h.', 'i.') },
  ];
  expect(text(held(900, [one, other])).split('\n')[0]).toBe(
    '900 new names are held back until sources "partner" and "internal" are read: the connection was refused',
  );
});

test('a few names are told, and what they wait for is worded by its kind', () => {
  expect(
    text(held(1, [{ ...partner, claims: true }])),
  ).toBe(`1 new name (a/m0) is held back until source "partner" is read: connection refused
  $ moonbit-registry source disable partner   (go on without it)
  $ moonbit-registry config sources.partner.holds_new_names claimed   (or: hold back only what it claims)`);
  expect(
    text(held(2, [{ ...partner, failureClass: 'held', failure: 'its index lost 2 modules' }])),
  ).toBe(`2 new names (a/m0, a/m1) are held back until source "partner" is read: its index lost 2 modules
  $ moonbit-registry sync   (a second reading that agrees is taken)
  $ moonbit-registry source disable partner   (go on without it)`);
  expect(text(held(1, [partner], { kind: 'claimed' }))).toMatch(
    /^1 served module \(a\/m0\) gets no new versions until source "partner" is read, which claims it: connection refused\n/,
  );
  expect(text(held(12, []))).toBe(`12 new names are decided by the next sync
  $ moonbit-registry sync   (reads all sources, and decides)`);
});

test('of several sources each is advised on once, however many groups wait for it', () => {
  const lines = formatHeldBack([held(900, [internal, partner]), held(20, [partner])]);
  expect(lines.slice(0, 2)).toEqual([
    '900 new names are held back until sources "internal" and "partner" are read: internal: HTTP 503; partner: connection refused',
    '20 new names are held back until source "partner" is read: connection refused',
  ]);
  expect(lines).toHaveLength(6);
  expect(new Set(lines).size).toBe(6);
});

test('all that waits can be told in one line', () => {
  expect(summariseHeldBack([])).toEqual([]);
  expect(summariseHeldBack([held(20, [partner])])).toHaveLength(1);
  expect(summariseHeldBack([held(900, [internal, partner]), held(20, [partner])])).toEqual([
    '920 names are held back until internal, partner are read (moonbit-registry status)',
  ]);
});

test('what a source says cannot move the cursor', () => {
  expect(text(held(1587, [{ ...partner, failure: 'down\u001b[2J' }]))).toContain('down\\u001b[2J');
});
