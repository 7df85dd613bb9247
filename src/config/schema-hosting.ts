/** The shape of `[hosting]`: what may be published here, and how strictly it is looked at. */
import { choice, setting, table } from './schema-kit.ts';
import { duration, flag, patterns, size } from './schema-values.ts';

export const hosting = table({
  namespaces: setting(
    patterns,
    'Names that are published here, as in `company/*`: no source says what they mean. Nothing may be published unless set',
    [],
  ),
  max_archive: setting(size, 'The largest archive that may be published', '32MiB'),
  max_unpacked: setting(size, 'The most that its files may have together', '256MiB'),
  require_increasing_versions: setting(
    choice(['per-major', 'always', 'no']),
    'Whether a new version must be above all others: `per-major` compares majors 0 and 1 together and each later one alone, ' +
      'so that a hotfix 1.0.1 may follow 2.0.0',
    'per-major',
  ),
  require_resolvable: setting(
    flag,
    'Whether all that a version depends on must be listed here; a remark otherwise',
    false,
  ),
  refuse_scripts: setting(
    flag,
    'Whether modules are refused that run code where they are installed (`postadd`, prebuild scripts); a remark otherwise',
    false,
  ),
  require_approval: setting(
    patterns,
    'Names, as in `company/core*`, of which every version waits until somebody approves it, whoever publishes it and however',
    [],
  ),
  max_staged: setting(size, 'The most that archives which wait to be approved may have together', '1GiB'),
  staged_expiry: setting(duration, 'How long an archive waits to be approved before it is dropped', '14d'),
});
