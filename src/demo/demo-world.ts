import { join } from 'node:path';
import { type DemoUpstream, type DemoVersion, startDemoUpstream } from './upstream.ts';

export interface DemoWorld {
  /** Public: `moonbitlang/*`, two users, and somebody who published `company/tool@99.0.0`. */
  readonly mooncakes: DemoUpstream;
  /** `partner-org/*`, built on public modules. */
  readonly partner: DemoUpstream;
  close(): Promise<void>;
}

/** Starts the demo's two public registries on loopback, each in a folder of its own below `directory`. */
export async function startDemoWorld(directory: string): Promise<DemoWorld> {
  const started: DemoUpstream[] = [];
  const close = async () => {
    await Promise.all(started.map((upstream) => upstream.close()));
  };
  const start = async (name: string, versions: readonly DemoVersion[]) => {
    const upstream = await startDemoUpstream(join(directory, name), versions);
    started.push(upstream);
    return upstream;
  };
  try {
    const mooncakes = await start('mooncakes', mooncakesModules);
    const partner = await start('partner', partnerModules);
    return { mooncakes, partner, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const mooncakesModules: readonly DemoVersion[] = [
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

const partnerModules: readonly DemoVersion[] = [
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

function describeModule(
  module: string,
  description: string,
  versions: Readonly<Record<string, DemoVersion['deps']>>,
): DemoVersion[] {
  return Object.entries(versions).map(([version, deps]) => ({ module, version, description, deps }));
}
