import { join } from 'node:path';
import type { Publication } from './publisher.ts';
import { startUpstreamRegistry, type UpstreamRegistry } from './upstream-registry.ts';

export interface DemoWorld {
  /** Public: `moonbitlang/*`, two users, and somebody who published `company/tool@99.0.0`. */
  readonly mooncakes: UpstreamRegistry;
  /** `partner-org/*`, built on public modules. */
  readonly partner: UpstreamRegistry;
  /** `company/*`, built on public and partner modules. */
  readonly internal: UpstreamRegistry;
  close(): Promise<void>;
}

type Place = 'mooncakes' | 'partner' | 'internal';

/** Starts the demo's three registries on loopback, each in a folder of its own below `directory`. */
export async function startDemoWorld(
  directory: string,
  ports: Readonly<Partial<Record<Place, number>>> = {},
): Promise<DemoWorld> {
  const started: UpstreamRegistry[] = [];
  const close = async () => {
    await Promise.all(started.map((upstream) => upstream.close()));
  };
  const start = async (place: Place, publications: readonly Publication[]) => {
    const upstream = await startUpstreamRegistry({ directory: join(directory, place), port: ports[place] });
    started.push(upstream);
    await upstream.publishMany(publications);
    return upstream;
  };
  try {
    const mooncakes = await start('mooncakes', mooncakesModules);
    const partner = await start('partner', partnerModules);
    const internal = await start('internal', internalModules);
    return { mooncakes, partner, internal, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const mooncakesModules: readonly Publication[] = [
  ...describeModule('moonbitlang/x', 'Experimental packages for the core library', {
    '0.4.38': {},
    '0.4.39': {},
    '0.4.40': {},
  }),
  ...describeModule('moonbitlang/async', 'Asynchronous programming', { '0.16.5': {}, '0.16.6': {} }),
  ...describeModule('moonbitlang/parser', 'A parser for MoonBit', {
    '0.1.14': { 'moonbitlang/x': '0.4.38' },
    '0.1.15': { 'moonbitlang/x': '0.4.40' },
  }),
  ...describeModule('moonbitlang/quickcheck', 'Property based testing', {
    '0.9.0': { 'moonbitlang/x': '0.4.39' },
    '0.10.0-alpha.1': { 'moonbitlang/x': '0.4.40' },
  }),
  ...describeModule('moonbitlang/toolkit/lexer', 'A lexer generator', {
    '0.2.0+20260115': { 'moonbitlang/parser': '0.1.15' },
  }),
  ...describeModule('lantern/markdown', 'Markdown to HTML', {
    '0.3.0': { 'moonbitlang/x': '0.4.38' },
    '0.4.7': { 'moonbitlang/x': '0.4.40' },
  }),
  ...describeModule('tidepool/http', 'An HTTP client', { '0.2.1': { 'moonbitlang/async': '0.16.6' } }),
  ...describeModule('tidepool/月历', '农历与节气', { '0.1.0': {} }),
  // The attack that rule 1 is for: a name of the company's, with a version that beats every real one.
  ...describeModule('company/tool', 'Looks like the tool of the company', { '99.0.0': {} }),
];

const partnerModules: readonly Publication[] = [
  ...describeModule('partner-org/payments', 'Payments over the API of Partner', {
    '1.0.0': { 'tidepool/http': '0.2.1' },
    '1.1.0': { 'tidepool/http': '0.2.1', 'moonbitlang/x': '0.4.40' },
  }),
  ...describeModule('partner-org/sdk', 'What all services of Partner share', {
    '2.3.0': { 'moonbitlang/async': '0.16.5' },
    '2.4.0': { 'moonbitlang/async': '0.16.6', 'partner-org/payments': '1.1.0' },
  }),
  ...describeModule('partner-org/sdk/testing', 'Stand-ins for services of Partner', {
    '2.4.0': { 'partner-org/sdk': '2.4.0', 'moonbitlang/quickcheck': '0.9.0' },
  }),
];

const internalModules: readonly Publication[] = [
  ...describeModule('company/logging', 'How services of the company log', {
    '0.8.0': { 'moonbitlang/x': '0.4.38' },
    '0.9.0': { 'moonbitlang/x': '0.4.40' },
  }),
  ...describeModule('company/auth', 'Single sign-on', {
    '0.5.0': { 'company/logging': '0.8.0', 'moonbitlang/async': '0.16.6' },
  }),
  ...describeModule('company/billing', 'Invoices and payments', {
    '1.2.0': { 'company/auth': '0.5.0', 'partner-org/payments': '1.0.0' },
    '1.3.0': { 'company/auth': '0.5.0', 'partner-org/payments': '1.1.0' },
  }),
  ...describeModule('company/tool', 'The command line tool of the company', {
    '1.3.0': { 'company/logging': '0.9.0' },
    '1.4.0': { 'company/logging': '0.9.0', 'lantern/markdown': '0.4.7' },
  }),
];

function describeModule(
  module: string,
  description: string,
  versions: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Publication[] {
  return Object.entries(versions).map(([version, deps]) => ({
    module,
    version,
    deps: Object.keys(deps).length > 0 ? deps : undefined,
    line: { readme: 'README.md', license: 'Apache-2.0', keywords: ['demo'], description, source: 'src' },
    sizeBytes: 12_000,
  }));
}
