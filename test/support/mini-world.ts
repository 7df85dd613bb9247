/**
 * Sources, ledger and served index held in memory, synced by the product's own decisions: what properties of long
 * random histories are tried on. Each line names the source it was published by, under a key that clients ignore.
 */
import { defaultSourceLimits } from '../../src/config/normalise.ts';
import { parseIndexFile } from '../../src/index/index-file.ts';
import type { Pin } from '../../src/index/ledger-file.ts';
import { isChecksum } from '../../src/model/checksum.ts';
import { isModuleName, type ModuleName } from '../../src/model/module-name.ts';
import { type Decision, decideOrigin } from '../../src/registry/decide/decide-origin.ts';
import { agreesWithPins } from '../../src/registry/decide/pin-changes.ts';
import { type ModulePlan, planModule } from '../../src/registry/decide/plan-module.ts';
import { maySupply, type Policy, policyOf } from '../../src/registry/decide/policy.ts';

export interface MiniSource {
  readonly name: string;
  priority: number;
  enabled: boolean;
  namespaces: string[];
  include: string[];
  exclude: string[];
  holdsNewNames: 'claimed' | 'all';
  deletedUpstream: 'keep' | 'follow';
  isConfigured: boolean;
  isDown: boolean;
  /** Its next readings are held back. */
  isHeldBack: boolean;
  /** Where its index is; another number, another address. */
  address: number;
  /** Index lines by module, as the source has them now. */
  readonly upstream: Map<string, string[]>;
  /** Index files as last read; absent before the first time. */
  snapshot: Map<string, string> | undefined;
  /** Where that was read. */
  snapshotAddress: number;
  /** A reading that is held back. */
  held: Map<string, string> | undefined;
}

export interface MiniWorld {
  readonly sources: MiniSource[];
  readonly ledger: Map<string, { readonly origin: string; readonly pins: readonly Pin[] }>;
  readonly served: Map<string, string>;
  /** Checksums of which the archive is here. */
  readonly cached: Set<string>;
  upstreamFallback: boolean;
  /** Sources that the last reading could read; `undefined` before any, as where a plan rests on none. */
  current: Set<string> | undefined;
  syncs: number;
}

export interface ServedLine {
  readonly version: string;
  readonly checksum: string;
  readonly from: string;
  readonly deps?: Readonly<Record<string, string>>;
}

export function createMiniWorld(): MiniWorld {
  return {
    sources: [],
    ledger: new Map(),
    served: new Map(),
    cached: new Set(),
    upstreamFallback: true,
    current: undefined,
    syncs: 0,
  };
}

export function createMiniSource(name: string, priority: number): MiniSource {
  return {
    name,
    priority,
    enabled: true,
    namespaces: [],
    include: [],
    exclude: [],
    holdsNewNames: 'all',
    deletedUpstream: 'keep',
    isConfigured: true,
    isDown: false,
    isHeldBack: false,
    address: 0,
    upstream: new Map(),
    snapshot: undefined,
    snapshotAddress: 0,
    held: undefined,
  };
}

/** `required`: a module that the version requires. */
export function formatLine(version: string, checksum: string, from: string, required?: string): string {
  const deps = required === undefined ? {} : { deps: { [required]: '1.0.0' } };
  return JSON.stringify({ version, checksum, from, ...deps });
}

export function servedLines(file: string | undefined): ServedLine[] {
  return (file ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ServedLine);
}

/** Reads what can be read, as a sync does before it plans. */
export function readSources(world: MiniWorld): void {
  world.current = new Set();
  for (const source of world.sources) {
    if (!source.isConfigured || !source.enabled || source.isDown) continue;
    const files = [...source.upstream].filter(([, lines]) => lines.length > 0);
    const reading = new Map(files.map(([module, lines]) => [module, `${lines.join('\n')}\n`]));
    // What is read at an address for the first time has nothing before it to be held against.
    if (source.isHeldBack && source.snapshot && source.snapshotAddress === source.address) {
      source.held = reading;
      continue;
    }
    world.current.add(source.name);
    Object.assign(source, { snapshot: reading, snapshotAddress: source.address, held: undefined });
  }
}

/** As an edit of the settings is planned: on the snapshots at hand. */
export function readNothing(world: MiniWorld): void {
  world.current = undefined;
}

function policyIn(world: MiniWorld): Policy {
  const urlOf = (name: string, address: number) => `https://${name}.example/${address}`;
  const snapshots = world.sources
    .filter((source) => source.snapshot)
    .map(({ name, priority, snapshotAddress }) => ({
      source: name,
      priority,
      commit: '',
      tree: '',
      since: '',
      indexUrl: urlOf(name, snapshotAddress),
    }));
  const sources = world.sources
    .filter((source) => source.isConfigured)
    .map((source) => ({
      ...source,
      indexUrl: urlOf(source.name, source.address),
      limits: defaultSourceLimits(),
    }));
  return policyOf({ sources, server: { upstreamFallback: world.upstreamFallback } }, snapshots);
}

export interface MiniPlan {
  readonly decision: Decision;
  readonly plan: ModulePlan;
  /** The file to serve, if any. */
  readonly file: string | undefined;
}

/** Plans every module that anybody has ever heard of; changes nothing. With `reversed`, all inputs are in the other order. */
export function planWorld(world: MiniWorld, { reversed = false } = {}): Map<string, MiniPlan> {
  const policy = policyIn(world);
  const order = <T>(items: readonly T[]) => (reversed ? items.toReversed() : items);
  const names = new Set([
    ...world.sources.flatMap(({ snapshot }) => [...(snapshot?.keys() ?? [])]),
    ...world.ledger.keys(),
    ...world.served.keys(),
  ]);
  const modules = order([...names].filter(isModuleName));
  return new Map(modules.map((module) => [module, planOne(world, policy, module, order(world.sources))]));
}

const parse = (text: string) => parseIndexFile(Buffer.from(text));

function planOne(
  world: MiniWorld,
  policy: Policy,
  module: ModuleName,
  sources: readonly MiniSource[],
): MiniPlan {
  const listings = new Map<string, string>();
  for (const { name, snapshot } of sources) {
    const file = snapshot?.get(module);
    if (file !== undefined) listings.set(name, file);
  }
  const heldBy = new Set(sources.filter(({ held }) => held?.has(module)).map(({ name }) => name));
  const record = world.ledger.get(module);
  const pins = record?.pins ?? [];
  const facts = { module, listings, heldBy, recorded: record?.origin, isPinned: pins.length > 0 };
  const decision = decideOrigin(facts, policy, {
    agrees: (source) => agreesWithPins(parse(listings.get(source) ?? ''), pins),
    current: world.current,
  });
  const elsewhere = policy.sources
    .filter((source) => source.isEnabled && source.hasBeenRead && maySupply(source, module))
    .filter(({ name }) => name !== decision.origin)
    .map(({ name }) => parse(listings.get(name) ?? ''));
  const before = world.served.get(module);
  const plan = planModule({
    policy,
    decision,
    facts: {
      module,
      recorded: record?.origin,
      sourceFile: decision.file === undefined ? undefined : parse(decision.file),
      servedFile: before === undefined ? undefined : parse(before),
      pins,
      cached: new Set([...world.cached].filter(isChecksum)),
      elsewhere,
      contender: undefined,
    },
    now: new Date(world.syncs).toISOString(),
  });
  const { served } = plan;
  const file =
    served.kind === 'source-file'
      ? decision.file
      : served.kind === 'lines'
        ? served.bytes.toString()
        : undefined;
  return { decision, plan, file };
}

/** Makes a plan real. */
export function applyPlans(world: MiniWorld, plans: ReadonlyMap<string, MiniPlan>): void {
  world.syncs++;
  for (const [module, { decision, plan, file }] of plans) {
    const { origin } = decision;
    const source = world.sources.find(({ name }) => name === origin);
    // As the product: what a source claims that has never been read is not recorded as its own.
    const isKnown = source?.snapshot !== undefined && source.snapshotAddress === source.address;
    if (origin !== undefined && (isKnown || origin === world.ledger.get(module)?.origin))
      world.ledger.set(module, { origin, pins: plan.pins });
    if (file === undefined) world.served.delete(module);
    else world.served.set(module, file);
  }
}
