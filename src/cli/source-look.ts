/** What a look at a source found, in words: what it has, what is wrong and what that means, and what to run. */
import type { Config } from '../config/config.ts';
import { isAboutCredentials } from '../model/lookup.ts';
import type { SourceListing } from '../registry/decide/outlook.ts';
import type { SourceLook } from '../registry/sync/look-at-source.ts';
import { quoteForShell, shellLine } from '../support/shell.ts';
import { toVisibleLine } from '../support/visible-text.ts';
import { type CommandContext, interruptible, withRegistry } from './context.ts';
import { InterruptedError } from './exit-codes.ts';
import { count, groupDigits } from './format.ts';
import { adviseOn, describeReason, formatHeldBack, toCommandLine } from './held-back.ts';

/** With more owners than this, nobody wants to list them in a setting. */
const fewOwners = 10;

/** Looks for a few seconds; `config`: at a source that is not in the file yet. Whoever does not want to wait for it (Ctrl-C) has added the source all the same. */
export async function lookAt(
  context: CommandContext,
  source: string,
  config?: Config,
): Promise<SourceLook | undefined> {
  context.output.statusLine(`Looking at "${source}"`);
  try {
    return await interruptible(context.io, (signal) =>
      withRegistry(context, (registry) => registry.lookAtSource(source, { config, signal }), {
        isTold: true,
        onlyLooks: true,
      }),
    );
  } catch (error) {
    if (error instanceof InterruptedError) return undefined;
    throw error;
  }
}

export function formatLook(
  look: SourceLook,
  {
    sources,
    server,
  }: { readonly sources: Config['sources']; readonly server: Pick<Config['server'], 'upstreamFallback'> },
): string[] {
  const { source, listing, heldBack } = look;
  const settings = sources.find(({ name }) => name === source);
  // What the operator has claimed for it, or limited it to, is said already.
  const isLimited = settings !== undefined && settings.namespaces.length + settings.include.length > 0;
  return [
    ...(listing ? describeListing(source, listing, isLimited) : describeFailure(look)),
    ...describeArchive(look),
    ...describeReady(look, server.upstreamFallback),
    ...formatHeldBack(heldBack),
  ];
}

function describeListing(source: string, listing: SourceListing, isLimited: boolean): string[] {
  const { modules, owners, comparedWith, ownOwners } = listing;
  const size = `Looked at it: ${count(modules, 'module')} of ${count(owners, 'owner')}`;
  if (comparedWith.length === 0) return [`${size}.`];
  const own = isLimited || ownOwners.length === 0 ? [] : describeOwners(source, listing);
  return [`${size}; ${describeShared(listing)}.`, ...own];
}

function describeShared({ shared }: SourceListing): string {
  const number = shared.reduce((sum, { modules }) => sum + modules, 0);
  if (number === 0) return 'no other source lists one of them';
  const suppliers = shared.map(({ supplier, modules }) =>
    supplier === undefined
      ? `of ${groupDigits(modules)} nobody can tell yet who supplies them`
      : `"${supplier}" supplies ${groupDigits(modules)}`,
  );
  return `other sources list ${groupDigits(number)} of them too: ${suppliers.join(', ')}`;
}

function describeOwners(source: string, { ownOwners }: SourceListing): string[] {
  const told = ownOwners
    .slice(0, fewOwners)
    .map(({ owner, modules }) => `${owner} (${groupDigits(modules)})`);
  const rest = ownOwners.length - told.length;
  const more = rest > 0 ? `, and ${groupDigits(rest)} more (--json lists all)` : '';
  const headline = toVisibleLine(`Owners that only it lists: ${told.join(', ')}${more}.`);
  const patterns = ownOwners.map(({ owner }) => `${owner}/*`);
  if (rest > 0 || patterns.some((pattern) => quoteForShell(pattern.slice(0, -2)).startsWith("'")))
    return [headline];
  const value = patterns.join(',');
  return [
    headline,
    toCommandLine([
      shellLine`config sources.${source}.namespaces "${value}"`,
      'only it ever decides what these names mean',
    ]),
    toCommandLine([
      shellLine`config sources.${source}.include "${value}"`,
      'it supplies these names and no others',
    ]),
  ];
}

function describeFailure(look: SourceLook): string[] {
  const { source, failure, heldBack } = look;
  const isAwaited = heldBack.some(({ waitsFor }) => waitsFor.some((awaited) => awaited.source === source));
  const claims = look.holdsBack.names === 'claimed';
  return [
    toVisibleLine(`It could not be read: ${describeReason(failure?.text ?? 'it gave no answer')}`),
    ...(isAboutCredentials(failure?.class)
      ? []
      : [toCommandLine([shellLine`source check ${source}`, 'what is wrong, step by step'])]),
    whatThatMeans(look),
    // Where names wait for it already, the same is said with their number.
    ...(isAwaited || claims || look.holdsBack.of.length === 0
      ? []
      : adviseOn({ source, claims, failureClass: 'not-read' }).map(toCommandLine)),
  ];
}

/** An index that is right says nothing of the address that archives are under. */
function describeArchive({ archive }: SourceLook): string[] {
  if (archive?.problem === undefined) return [];
  const { name, problem } = archive;
  const question = isAboutCredentials(problem.class) ? '' : ' (is --url right?)';
  return [toVisibleLine(`Its archives cannot be had: ${name}: ${problem.text}${question}`)];
}

/** What it has and what is wrong, without what that means and what to do. */
export function formatLookResult(look: SourceLook): string[] {
  const { source, listing } = look;
  const [first = ''] = listing ? describeListing(source, listing, true) : describeFailure(look);
  return [first, ...describeArchive(look)];
}

function whatThatMeans({ holdsBack: { names, of } }: SourceLook): string {
  if (names === 'claimed')
    return 'Until it has been read, nobody supplies new names that it claims; others go on.';
  if (of.length === 0) return 'No other source waits for it; what it has is served once it has been read.';
  const others = of.map((name) => `"${name}"`).join(' and ');
  return `Until it has been read, new names of ${others} that it may supply too are held back.`;
}

function describeReady({ source, ready }: SourceLook, upstreamFallback: boolean): string[] {
  if (ready === 0) return [];
  const names = `${count(ready, 'name')} ${ready === 1 ? 'is' : 'are'} not served yet;`;
  if (upstreamFallback)
    return [
      `${names} the next sync serves ${ready === 1 ? 'it' : 'them'}:`,
      toCommandLine(['sync', 'or serve, which does it by itself']),
    ];
  return [
    `${names} what is mirrored is served:`,
    toCommandLine([shellLine`mirror -s ${source} "<owner>/*"`, 'upstream_fallback is off']),
  ];
}
