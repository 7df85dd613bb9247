import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registryVariable } from '../model/moon-client.ts';
import { withClosing } from '../support/flow/closing.ts';
import { aggregate, foundCompany, publishFromBuild, publishWorkspace } from './acts.ts';
import { startBuildIssuer } from './build-issuer.ts';
import { type DemoWorld, startDemoWorld } from './demo-world.ts';
import { createPerformer, type DemoHost, StepFailed } from './performer.ts';

export type { DemoHost } from './performer.ts';

export interface DemoOptions {
  /** Where to serve; without it 8080, or a free port if that is taken. */
  readonly port?: number | undefined;
  /** Leaves the folder it works in. */
  readonly keep: boolean;
}

const usualPort = 8080;
const folderName = 'multi-source-registry';

/**
 * Runs the recipe of the README for real: two registries on loopback stand for mooncakes.io and a partner, one of our own is
 * the company's, and the very commands a user types are run against them. Serves the result until it is interrupted. However
 * it ends, and whoever is impatient, the folder goes.
 */
export async function runDemo<Code extends number>(
  host: DemoHost<Code>,
  options: DemoOptions,
): Promise<Code> {
  const directory = mkdtempSync(join(tmpdir(), 'moonbit-registry-demo-'));
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  const stopWatching = options.keep ? () => {} : host.onExit(remove);
  try {
    return await showAll(host, options, directory);
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    return error.exitCode;
  } finally {
    if (options.keep) host.say(`Kept ${directory}`);
    else remove();
    stopWatching();
  }
}

function showAll<Code extends number>(
  host: DemoHost<Code>,
  options: DemoOptions,
  scratch: string,
): Promise<Code> {
  return withClosing(async (onClose) => {
    const world = await startDemoWorld(join(scratch, 'upstreams'));
    onClose(world.close);
    const issuer = await startBuildIssuer();
    onClose(issuer.close);
    host.throwIfInterrupted();
    host.say(introduction(world));
    const performer = createPerformer(host);
    const internalPort = await findPort(0);
    const company = await foundCompany(performer, { scratch, port: internalPort, issuer });
    const internal = await performer.serve(company.directory, internalPort);
    onClose(internal.stop);
    await publishWorkspace(performer, company, scratch);
    const bob = await aggregate(performer, { scratch, folder: folderName, world, company });
    const port = options.port || (await findPort(options.port ?? usualPort));
    const registry = await performer.serve(join(scratch, folderName), port);
    onClose(registry.stop);
    await publishFromBuild(performer, { scratch, issuer, company, bob, registry, say: host.say });
    host.say(nextSteps(host, { port, bob, registry: join(scratch, folderName), scratch }));
    return registry.ended;
  });
}

function introduction(world: DemoWorld): string {
  return [
    'Two registries run on this machine, standing for the real ones:',
    `  mooncakes  ${world.mooncakes.url}`,
    `  partner    ${world.partner.url}`,
  ].join('\n');
}

/** Commands that work as they are, wherever they are pasted: whole paths, and nothing left behind. */
function nextSteps<Code extends number>(
  { program, quoteForShell }: DemoHost<Code>,
  { port, bob, registry, scratch }: Scene,
): string {
  const file = (name: string) => quoteForShell(join(scratch, name));
  // What `moon` and git can be given, as neither has another place for a token.
  const url = `http://token:${bob}@localhost:${port}`;
  return [
    '',
    'Now, in another terminal, as Bob:',
    `  git clone --depth 1 --single-branch --no-tags ${url}/git/index ${file('clone')}`,
    `  curl --fail -o ${file('tool.zip')} ${url}/user/company/tool/1.4.0.zip`,
    `  ${program} -d ${quoteForShell(registry)} explain company/tool`,
    `  ${registryVariable}=${url} moon update    # where moon is installed`,
    'Ctrl-C ends the demo and removes its folder.',
  ].join('\n');
}

interface Scene {
  readonly port: number;
  /** His token. */
  readonly bob: string;
  /** The folder of the registry that is served. */
  readonly registry: string;
  readonly scratch: string;
}

/** The port if nobody has it, else one the system gives; 0 is always the system's choice. */
async function findPort(wanted: number): Promise<number> {
  return (await listenBriefly(wanted)) ?? (await listenBriefly(0)) ?? wanted;
}

function listenBriefly(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
