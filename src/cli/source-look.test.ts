import { expect, test } from 'vitest';
import { parseConfig } from '../config/load.ts';
import type { SourceListing } from '../registry/decide/outlook.ts';
import type { SourceLook } from '../registry/sync/look-at-source.ts';
import { formatLook, formatLookResult } from './source-look.ts';

const listing: SourceListing = {
  modules: 12,
  owners: 3,
  comparedWith: ['mooncakes'],
  shared: [
    { supplier: 'mooncakes', modules: 2 },
    { supplier: 'partner', modules: 1 },
    { supplier: undefined, modules: 1 },
  ],
  ownOwners: [
    { owner: 'partner-org', modules: 7 },
    { owner: 'acme', modules: 1 },
  ],
};
const look: SourceLook = {
  source: 'partner',
  listing,
  failure: undefined,
  archive: undefined,
  holdsBack: { names: 'all', of: ['mooncakes'] },
  ready: 9,
  heldBack: [],
};

function text(more: Partial<SourceLook> = {}, settings = ''): string {
  const toml = `[[sources]]\nname = "partner"\nurl = "https://h"\nindex_url = "https://h/git"\n${settings}`;
  return formatLook({ ...look, ...more }, parseConfig(toml, { directory: '/registry' })).join('\n');
}

test('a source that was read tells what it has, what is its own, and what serves it', () => {
  expect(
    text(),
  ).toBe(`Looked at it: 12 modules of 3 owners; other sources list 4 of them too: "mooncakes" supplies 2, "partner" supplies 1, of 1 nobody can tell yet who supplies them.
Owners that only it lists: partner-org (7), acme (1).
  $ moonbit-registry config sources.partner.namespaces "partner-org/*,acme/*"   (only it ever decides what these names mean)
  $ moonbit-registry config sources.partner.include "partner-org/*,acme/*"   (it supplies these names and no others)
9 names are not served yet; the next sync serves them:
  $ moonbit-registry sync   (or serve, which does it by itself)`);
});

test('nothing is suggested where nothing was compared, all is said, or nobody could type it', () => {
  const alone = { ...listing, comparedWith: [], shared: [] };
  expect(text({ listing: alone, ready: 0 })).toBe('Looked at it: 12 modules of 3 owners.');
  expect(text({ ready: 0 }, 'namespaces = ["partner-org/*"]')).not.toContain('$');
  const many = Array.from({ length: 700 }, (_, i) => ({ owner: `o${i}`, modules: 1 }));
  const crowded = text({ listing: { ...listing, shared: [], ownOwners: many }, ready: 0 });
  expect(crowded).toMatch(
    /no other source lists one of them\.\n.*o9 \(1\), and 690 more \(--json lists all\)\.$/,
  );
  const odd = [{ owner: '"; rm -rf ~;"', modules: 1 }];
  expect(text({ listing: { ...listing, ownOwners: odd }, ready: 0 })).not.toContain('$');
});

test('a source that could not be read tells why, what that means, and how to go on', () => {
  const failure = {
    class: 'connection',
    text: 'https://h/git/info/refs: the connection was refused',
  } as const;
  const failed = { listing: undefined, failure, ready: 0 };
  expect(text(failed)).toBe(`It could not be read: the connection was refused
  $ moonbit-registry source check partner   (what is wrong, step by step)
Until it has been read, new names of "mooncakes" that it may supply too are held back.
  $ moonbit-registry source disable partner   (go on without it)
  $ moonbit-registry config sources.partner.namespaces "<owner>/*"   (or: these names are its own, and it holds back no others)`);
  const refused = { class: 'no-credentials', text: 'its credentials cannot be sent' } as const;
  expect(text({ ...failed, failure: refused })).not.toContain('source check');
  expect(text({ ...failed, holdsBack: { names: 'claimed', of: ['mooncakes'] } })).toMatch(
    /\nUntil it has been read, nobody supplies new names that it claims; others go on\.$/,
  );
  expect(text({ ...failed, holdsBack: { names: 'all', of: [] } })).toMatch(
    /\nNo other source waits for it; what it has is served once it has been read\.$/,
  );
});

test('what waits for it is told once, with its number, after what the next sync serves', () => {
  const partner = {
    source: 'partner',
    failureClass: 'connection',
    failure: 'refused',
    claims: false,
  } as const;
  const waiting = {
    kind: 'new',
    names: 887,
    owners: [],
    examples: [],
    waitsFor: [partner],
    since: '',
  } as const;
  const failed = { listing: undefined, failure: { class: 'connection', text: 'refused' } } as const;
  const lines = text({ ...failed, heldBack: [waiting], ready: 1 }).split('\n');
  expect(lines.slice(3)).toEqual([
    '1 name is not served yet; the next sync serves it:',
    '  $ moonbit-registry sync   (or serve, which does it by itself)',
    '887 new names are held back until source "partner" is read: refused',
    '  $ moonbit-registry source disable partner   (go on without it)',
    '  $ moonbit-registry config sources.partner.namespaces "<owner>/*"   (or: these names are its own, and it holds back no others)',
  ]);
});

test('without fallback a sync alone serves nothing new', () => {
  const config = parseConfig('[server]\nupstream_fallback = false', { directory: '/registry' });
  expect(formatLook(look, config).at(-1)).toBe(
    '  $ moonbit-registry mirror -s partner "<owner>/*"   (upstream_fallback is off)',
  );
});

test('archives that cannot be had beside an index that is right let doubt the address', () => {
  const problem = { class: undefined, text: 'https://h/user/a/b/1.0.0.zip: HTTP 404' };
  const archive = { name: 'a/b@1.0.0', problem };
  const line =
    'Its archives cannot be had: a/b@1.0.0: https://h/user/a/b/1.0.0.zip: HTTP 404 (is --url right?)';
  expect(text({ archive }).split('\n')).toContain(line);
  expect(text({ archive: { ...archive, problem: { ...problem, class: 'unauthorized' } } })).not.toContain(
    '--url',
  );
  expect(text({ archive: { name: 'a/b@1.0.0', problem: undefined } })).toBe(text());
  const result = formatLookResult({ ...look, archive });
  expect(result).toEqual([expect.stringMatching(/^Looked at it: 12 modules of 3 owners; other/), line]);
  expect(formatLookResult({ ...look, listing: undefined })).toEqual([
    'It could not be read: it gave no answer',
  ]);
});
