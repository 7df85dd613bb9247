import { NotFoundError, UsageError } from '../errors.ts';
import { type Checksum, isChecksum } from '../model/checksum.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import type { StagedFacts } from '../registry/hosting/staging/staged-facts.ts';
import { shellLine } from '../support/shell.ts';
import { parseExactVersion } from './arguments.ts';
import { CommandLineError } from './exit-codes.ts';

/** What is typed for something that waits: its id, or a version. */
export type StagedName =
  | { readonly kind: 'id'; readonly id: Checksum }
  | { readonly kind: 'version'; readonly module: ModuleName; readonly version: Version };

export function parseStagedName(text: string): StagedName {
  if (isChecksum(text)) return { kind: 'id', id: text };
  if (/^[0-9a-f]{8,}$/i.test(text))
    throw new CommandLineError(`"${text}" is no whole id, which has 64 lowercase hexadecimal digits`, {
      hint: 'moonbit-registry staged list',
    });
  return { kind: 'version', ...parseExactVersion(text) };
}

/** The id of what waits of a version; with these bytes, where a checksum is given. Throws where that is none, or one of several. */
export function findStagedId(
  staged: readonly StagedFacts[],
  { module, version }: Extract<StagedName, { kind: 'version' }>,
  checksum?: Checksum,
): string {
  const what = `${module}@${version}`;
  const waiting = staged.filter(
    ({ decision, versions }) =>
      !decision && versions.some((one) => one.module === module && one.version === version),
  );
  const found = waiting.filter(
    ({ versions }) => checksum === undefined || versions.some((one) => one.checksum === checksum),
  );
  const [first, second] = found;
  if (first && second)
    throw new UsageError(`${what} waits ${found.length} times, with different bytes or modules beside it`, {
      hint: `name one by its id: ${found.map(({ id }) => shellLine`moonbit-registry staged show ${id}`).join(' or ')}`,
    });
  if (first) return first.id;
  throw new NotFoundError(
    waiting.length > 0
      ? `${what} waits with other bytes than those of ${checksum}: somebody has sent it again`
      : `${what} does not wait for approval`,
    {
      hint:
        waiting[0] === undefined
          ? 'moonbit-registry staged list'
          : shellLine`moonbit-registry staged show ${waiting[0].id}`,
    },
  );
}

/** What is approved was seen: by its id, or its checksum where it waits alone. */
export function findApproved(
  staged: readonly StagedFacts[],
  name: StagedName,
  checksum: string | undefined,
): string {
  if (checksum !== undefined && !isChecksum(checksum))
    throw new CommandLineError('--checksum takes the 64 lowercase hexadecimal digits of a SHA-256');
  if (name.kind === 'id') {
    if (checksum === undefined || checksum === name.id) return name.id;
    throw new CommandLineError('an id says which bytes are meant: leave --checksum out');
  }
  const id = findStagedId(staged, name, checksum);
  const show = shellLine`moonbit-registry staged show ${id}`;
  if (checksum === undefined)
    throw new CommandLineError(
      `which bytes of ${name.module}@${name.version}? Others may have been sent since you looked`,
      { hint: `look at them, and approve them by their id: ${show}` },
    );
  const others = staged.find((one) => one.id === id)?.versions.length ?? 1;
  if (others === 1) return id;
  throw new UsageError(`${name.module}@${name.version} is approved together with what was sent with it`, {
    hint: `look at all of it, and approve it by its id: ${show}`,
  });
}
