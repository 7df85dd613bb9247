import { expect, test } from 'vitest';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import { purgeAddresses } from './purge-addresses.ts';

test('every archive is named in both forms in which clients ask for it', () => {
  const archives = [{ module: 'alice/tree/原来' as ModuleName, version: '1.0.0+b' as Version }];
  const server = { baseUrl: 'https://registry.example/moon', host: '0.0.0.0', port: 8080 };
  expect(purgeAddresses(archives, { server, views: [] })).toEqual([
    'https://registry.example/moon/user/alice%2Ftree%2F%E5%8E%9F%E6%9D%A5%2F1.0.0%2Bb.zip',
    'https://registry.example/moon/user/alice/tree%2F%E5%8E%9F%E6%9D%A5/1.0.0%2Bb.zip',
  ]);
  expect(purgeAddresses(archives, { server: { ...server, baseUrl: undefined }, views: [] })[1]).toMatch(
    /^http:\/\/localhost:8080\/user\//,
  );
  const views = [{ name: 'partner', include: ['*'], for: [] }];
  expect(
    purgeAddresses(archives, { server, views }).filter((one) => one.includes('/v/partner/user/')),
  ).toHaveLength(2 * archives.length);
});
