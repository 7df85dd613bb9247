import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { clientConfigFor, judgeClientConfig, registryVariable } from '../../../model/moon-client.ts';
import { hintFor } from '../../../support/disk/disk-hints.ts';
import type { Environment } from '../../../support/environment.ts';
import { errorCode } from '../../../support/error-code.ts';
import { showUrl } from '../../../support/redact.ts';
import { ok, type Probe, type Verdict, warning } from './probe.ts';

/** How `moon` on this machine is set up, and how it should be. */
export interface ClientSide {
  /** `config.json` in moon's home; `undefined` for a user without one. */
  readonly configFile: string | undefined;
  /** This registry's address for clients. */
  readonly url: string;
  /** What `moon` would be started with. */
  readonly env: Environment;
}

export function moonProbes(client: ClientSide): readonly Probe[] {
  return [
    { name: 'moon: config.json', ask: () => checkConfig(client) },
    { name: 'moon: version', ask: () => checkVersion(client) },
  ];
}

async function checkConfig({ configFile, url, env }: ClientSide): Promise<Verdict> {
  try {
    const text = configFile === undefined ? undefined : await readFile(configFile, 'utf8');
    if (text !== undefined) return describeConfig(text, { configFile, url });
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    if (!['ENOENT', 'ENOTDIR'].includes(code))
      return warning(
        `${configFile} cannot be read (${code}), so nobody can tell which registry moon uses here`,
        hintFor(code),
      );
  }
  const named = env[registryVariable];
  return ok(
    named === undefined
      ? `there is no config.json: ${registryVariable}=${url} points moon here`
      : `there is no config.json: ${registryVariable} counts, and is ${showUrl(named)}`,
  );
}

export function describeConfig(text: string, { configFile, url }: Omit<ClientSide, 'env'>): Verdict {
  const { result, what } = judgeClientConfig(text, url);
  const detail = `${configFile} exists, so moon ignores ${registryVariable}: ${what}`;
  if (result === 'ok') return ok(detail);
  const wanted = JSON.stringify(clientConfigFor(url), null, 2);
  return { result, detail, hint: `put this into it:\n${wanted}` };
}

async function checkVersion({ env }: ClientSide): Promise<Verdict> {
  try {
    const { stdout } = await promisify(execFile)('moon', ['version'], { env: { ...env }, timeout: 5000 });
    return judgeClientVersion(stdout);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return ok('moon is not in PATH here');
    return warning('"moon version" failed', 'run it, and see');
  }
}

/** What a client built before a day cannot do (moon-protocol §0), the gravest first. */
const limits = [
  { before: '20260717', what: 'fetches archives from mooncakes.io, whatever registry it is given' },
  { before: '20260805', what: 'does not verify the archives it downloads' },
  { before: '20260813', what: 'asks mooncakes.io for symbols.zip' },
] as const;

/** `answer` is what `moon version` prints; the third number is the day the client was built. */
export function judgeClientVersion(answer: string): Verdict {
  const [built, day] = /\b\d+\.\d+\.(20\d{6})\b/.exec(answer) ?? [];
  if (built === undefined || day === undefined)
    return warning('"moon version" says nothing that looks like one');
  const applying = limits.filter(({ before }) => day < before);
  if (applying.length === 0) return ok(built);
  return warning(`moon ${built} ${applying.map(({ what }) => what).join(', and ')}`, 'moon upgrade');
}
