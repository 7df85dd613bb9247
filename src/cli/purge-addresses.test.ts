import { expect, test } from 'vitest';
import type { Checksum } from '../model/checksum.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { OperatorDecision } from '../model/operator-decision.ts';
import type { Version } from '../model/version.ts';
import { purgeAddresses } from './purge-addresses.ts';

const stamp = { module: 'alice/tree/原来' as ModuleName, at: '', by: '' };
const checksum = '' as Checksum;

test('every version with other bytes is named in both forms, and nothing else', () => {
  const decisions: OperatorDecision[] = [
    {
      ...stamp,
      action: 'accept-version',
      version: '1.0.0+b' as Version,
      from: checksum,
      to: checksum,
      source: 'a',
    },
    { ...stamp, action: 'accept-origin', from: 'a', to: 'b' },
  ];
  const server = { baseUrl: 'https://registry.example/moon', host: '0.0.0.0', port: 8080 };
  expect(purgeAddresses(decisions, server)).toEqual([
    'https://registry.example/moon/user/alice%2Ftree%2F%E5%8E%9F%E6%9D%A5%2F1.0.0%2Bb.zip',
    'https://registry.example/moon/user/alice/tree%2F%E5%8E%9F%E6%9D%A5/1.0.0%2Bb.zip',
  ]);
  expect(purgeAddresses(decisions, { ...server, baseUrl: undefined })[1]).toMatch(
    /^http:\/\/localhost:8080\/user\//,
  );
});
