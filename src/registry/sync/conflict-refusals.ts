/** Why a ruling does not fit, and what would. */
import { NotFoundError, UsageError } from '../../errors.ts';
import { type ConflictFinding, type Finding, isConflict, versionOf } from '../../model/finding.ts';
import type { Version } from '../../model/version.ts';
import { shellLine } from '../../support/shell.ts';

const namedConflicts = 5;

/** Where others than the one that was named stand about the same module, they are named instead. */
export function noConflict(what: string, findings: readonly Finding[] = []): NotFoundError {
  const [module] = what.split('@');
  const others = findings.filter(isConflict).filter((finding) => finding.module === module);
  const [other] = others;
  if (!other)
    return new NotFoundError(`there is no conflict about ${what} to decide`, {
      hint: 'moonbit-registry conflicts',
    });
  const named = others.slice(0, namedConflicts).map(describeSubject).join(', ');
  const there = `there ${others.length === 1 ? 'is one' : 'are some'} about ${named}${others.length > namedConflicts ? ', …' : ''}`;
  return new NotFoundError(`there is no conflict about ${what} as such to decide; ${there}`, {
    hint: `${shellLine`moonbit-registry conflicts accept ${describeSubject(other)} ${typedOut(other)}`} (moonbit-registry conflicts shows both sides)`,
  });
}

function describeSubject(finding: Finding): string {
  const { module } = finding;
  const version = versionOf(finding);
  return version === undefined ? `${module}` : `${module}@${version}`;
}

/** What has to be given with `accept`, besides what the conflict is about. */
function typedOut({ kind, source }: ConflictFinding): string[] {
  switch (kind) {
    case 'checksum-conflict':
      return ['--checksum', 'SHA256'];
    case 'requirements-conflict':
      return ['--requirements', 'DIGEST'];
    case 'origin-conflict':
      return ['--origin', source];
    case 'look-alike':
      return [];
  }
}

export function otherOffer(version: Version, typed: string, offered: string, source: string): UsageError {
  return new UsageError(
    `source "${source}" offers ${offered} for version ${version}, and not what was typed: ${typed}`,
    { hint: 'ask its author which of them is right; nothing was changed' },
  );
}
