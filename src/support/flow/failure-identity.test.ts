import { expect, test } from 'vitest';
import { ConfigError, StorageError } from '../../errors.ts';
import { systemError } from '../disk/failing-disk.fixture.ts';
import { temporaryName } from '../disk/temporary-file.ts';
import { identifyFailure } from './failure-identity.ts';

test.each([
  () => systemError('ENOENT', 'open', temporaryName('/srv/data/locks/registry')),
  () => new StorageError(`cannot remove /srv/data/packages/aa/${temporaryName('.abc')}: EACCES`),
  () =>
    new StorageError(
      `cannot lock /srv/data/locks/registry: waited 60 s for process ${Math.floor(Math.random() * 1e6)} on a`,
    ),
  () => new StorageError(`cannot read ${'0123456789abcdef'.repeat(3).slice(0, 40)}: git has lost it`),
  () => new Error(`unable to create objects/pack/tmp_pack_${Math.random().toString(36).slice(2, 8)}`),
])('the same failure is the same, whatever chance is in its words (%#)', (fail) => {
  expect(identifyFailure(fail())).toBe(identifyFailure(fail()));
});

test('other failures are others', () => {
  const failures = [
    new StorageError('cannot lock /srv/data/locks/registry: ENOENT'),
    new StorageError('cannot lock /srv/data/locks/registry: ENOSPC'),
    new StorageError('cannot lock /srv/data/locks/audit: ENOENT'),
    new StorageError('cannot write /srv/x', { cause: systemError('EIO') }),
    new StorageError('cannot write /srv/x', { cause: systemError(-122) }),
    new ConfigError('registry.toml has a problem', [
      { path: 'server.port', line: 1, column: 1, message: 'expected 1' },
    ]),
    new ConfigError('registry.toml has a problem', [
      { path: 'server.port', line: 1, column: 1, message: 'expected 2' },
    ]),
    'a text',
  ];
  expect(new Set(failures.map(identifyFailure)).size).toBe(failures.length);
});
