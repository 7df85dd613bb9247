/** One version as its origin has it now, instead of as it was served. */
import { UsageError } from '../../errors.ts';
import type { IndexLine } from '../../index/index-file.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { OperatorDecision } from '../../model/operator-decision.ts';
import type { Version } from '../../model/version.ts';
import { shellLine } from '../../support/shell.ts';
import type { ConflictRuling } from './conflict.ts';
import { noConflict, otherOffer } from './conflict-refusals.ts';
import type { ResolvedModule } from './resolve-module.ts';
import type { RulingContext, Stamp } from './ruling.ts';
import { readListed } from './source-file.ts';

/** The line that the origin offers for a version that is pinned otherwise. */
async function findOffer(
  { index, resolver, state }: RulingContext,
  module: ModuleName,
  version: Version,
): Promise<{
  readonly line: IndexLine;
  readonly pin: ResolvedModule['pins'][number];
  readonly source: string;
}> {
  const { decision, pins } = await resolver.resolve(module);
  const pin = pins.find((candidate) => candidate.version === version);
  const { origin: source, file: id } = decision;
  const missing = async () => noConflict(`${module}@${version}`, await state.findings());
  if (!pin || source === undefined || id === undefined) throw await missing();
  const { lines } = await readListed(index, resolver.policy, source, id);
  const line = lines.findLast(({ entry }) => entry.version === version);
  if (!line) throw await missing();
  return { line, pin, source };
}

export async function acceptVersion(
  context: RulingContext,
  { module, version, checksum }: Extract<ConflictRuling, { action: 'accept-version' }>,
  stamp: Stamp,
): Promise<OperatorDecision> {
  const { line, pin, source } = await findOffer(context, module, version);
  const offered = line.entry.checksum;
  if (offered === pin.checksum) throw noConflict(`${module}@${version}`, await context.state.findings());
  if (offered !== checksum) throw otherOffer(version, checksum, offered, source);
  const requirements = line.entry.requirements;
  const [from, to] = [pin.checksum, offered];
  return { module, ...stamp, action: 'accept-version', version, from, to, requirements, source };
}

export async function acceptRequirements(
  context: RulingContext,
  { module, version, requirements }: Extract<ConflictRuling, { action: 'accept-requirements' }>,
  stamp: Stamp,
): Promise<OperatorDecision> {
  const { line, pin, source } = await findOffer(context, module, version);
  const offered = line.entry.requirements;
  if (pin.requirements === undefined || offered === pin.requirements)
    throw noConflict(`${module}@${version}`, await context.state.findings());
  if (line.entry.checksum !== pin.checksum)
    throw new UsageError(`version ${version} of ${module} has other bytes as well`, {
      hint: `${shellLine`moonbit-registry conflicts accept ${module}@${version} --checksum SHA256`} accepts both`,
    });
  if (offered !== requirements) throw otherOffer(version, requirements, offered, source);
  return {
    module,
    ...stamp,
    action: 'accept-requirements',
    version,
    from: pin.requirements,
    to: offered,
    source,
  };
}
