import { createHash } from 'node:crypto';
import type { GitIndex } from '../../index/git-index.ts';
import { parseIndexFile } from '../../index/index-file.ts';
import type { BoundedRead } from '../../index/index-objects.ts';
import { readIndexPath } from '../../index/layout.ts';
import type { IndexEntry } from '../../model/index-entry.ts';
import { detailOf, found, type SourceFailure } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Source } from '../../sources/source.ts';
import type { Log } from '../../support/log.ts';
import { transportFailure } from '../../support/net/http-failure.ts';
import { parseCommit } from '../decide/hold-snapshot.ts';
import { containSource } from './contain-source.ts';
import type { NewestLines } from './newer-format.ts';
import { countDroppedNewest } from './newer-format.ts';

export interface SourceCheck {
  readonly source: string;
  readonly ok: boolean;
  /** In the order tried; checking stops at the first failure that makes the rest pointless. */
  readonly steps: readonly {
    readonly step: 'reach' | 'authenticate' | 'index' | 'archive';
    readonly ok: boolean;
    readonly detail: string;
  }[];
  readonly modules: number | undefined;
  /** When the index last changed, as its newest commit says. */
  readonly changedAt: string | undefined;
  readonly latencyMs: number | undefined;
  /** Whether the newest versions of its modules can be passed on; absent where its index was not read. */
  readonly newest?: NewestLines | undefined;
}

type Step = SourceCheck['steps'][number];

interface Check {
  readonly steps: Step[];
  facts: Partial<SourceCheck>;
  /** What is being looked at. */
  stage: Step['step'];
}

/**
 * Looks at one source as an operator would: is it there, does it let us in, what does it have, is it true? Whatever goes
 * wrong is a step that failed, but for our own disk.
 */
export async function checkSource(source: Source, index: GitIndex, log: Log): Promise<SourceCheck> {
  const check: Check = { steps: [], facts: {}, stage: 'reach' };
  const { name } = source.config;
  const outcome = await containSource({ source: name, doing: 'it was checked', log }, async () =>
    found(await look(source, index, check)),
  );
  if (outcome.kind !== 'found') check.steps.push({ step: check.stage, ok: false, detail: detailOf(outcome) });
  const { steps, facts } = check;
  return {
    source: name,
    ok: steps.every((step) => step.ok),
    modules: undefined,
    changedAt: undefined,
    latencyMs: undefined,
    ...facts,
    steps,
  };
}

async function look(source: Source, index: GitIndex, check: Check): Promise<void> {
  const { steps } = check;
  const probe = await source.probe();
  if (probe.kind !== 'found') {
    steps.push(...stepsOfFailure(probe.kind === 'absent' ? undefined : probe.cause, detailOf(probe)));
    return;
  }
  const { latencyMs, transport } = probe.value;
  check.facts = { latencyMs };
  steps.push(
    { step: 'reach', ok: true, detail: `answers in ${Math.round(latencyMs)} ms (${transport})` },
    {
      step: 'authenticate',
      ok: true,
      detail: hasCredentials(source.config) ? 'credentials accepted' : 'no credentials needed',
    },
  );
  check.stage = 'index';
  const snapshot = await source.readSnapshot(undefined);
  if (snapshot.kind !== 'found') {
    steps.push({ step: 'index', ok: false, detail: detailOf(snapshot) });
    return;
  }
  const files = [...(await index.list(snapshot.value.tree))].flatMap(([path, id]) => {
    const target = readIndexPath(path);
    return target.kind === 'module' ? [{ module: target.module, id }] : [];
  });
  const changedAt = await commitDate(index, snapshot.value.commit);
  const newest = await countDroppedNewest(index, files, source.config.limits);
  check.facts = { latencyMs, modules: files.length, changedAt, newest };
  const isReadable = files.length > 0;
  const commit = snapshot.value.commit.slice(0, 10);
  const dated = changedAt === undefined ? ', which has no usable date' : '';
  const hosts = snapshot.value.hosts;
  const detail = isReadable
    ? `${files.length} ${files.length === 1 ? 'module' : 'modules'} at commit ${commit}${dated}${describeHosts(hosts, source.config)}`
    : `commit ${commit} has no .index file of a module below user/`;
  steps.push({ step: 'index', ok: isReadable, detail });
  if (!isReadable) return;
  check.stage = 'archive';
  steps.push(await checkArchive(source, index, files));
}

const namedHosts = 5;

/** What it supplies, where that is less than it lists. */
function describeHosts(hosts: readonly string[] | undefined, { include }: Source['config']): string {
  if (hosts === undefined) return '';
  const others = hosts.length > namedHosts ? ` and ${hosts.length - namedHosts} more` : '';
  const names = hosts.length === 0 ? 'nothing' : hosts.slice(0, namedHosts).join(', ') + others;
  const limit = include.length > 0 ? '' : ', and supplies no other new names unless include = ["*"]';
  return `; it hosts ${names}${limit}`;
}

function hasCredentials({ auth, tls }: Source['config']): boolean {
  return auth !== undefined || tls?.certificate !== undefined;
}

function stepsOfFailure(failure: SourceFailure | undefined, detail: string): Step[] {
  const isUnreachable =
    failure !== undefined && ['timeout', 'connection', 'tls', 'disabled'].includes(failure.reason);
  if (failure?.reason === 'no-credentials') return [{ step: 'authenticate', ok: false, detail }];
  if (isUnreachable) return [{ step: 'reach', ok: false, detail }];
  const reached: Step = { step: 'reach', ok: true, detail: 'answers' };
  if (failure?.reason === 'unauthorized') return [reached, { step: 'authenticate', ok: false, detail }];
  return [reached, { step: 'index', ok: false, detail }];
}

async function checkArchive(
  source: Source,
  index: GitIndex,
  files: readonly { readonly module: ModuleName; readonly id: string }[],
): Promise<Step> {
  const read = (id: string) => index.readBounded(id, source.config.limits.indexFileBytes);
  const sample = await findSample(files, read);
  if (!sample) return { step: 'archive', ok: false, detail: 'no version in the index has a usable line' };
  const { module, entry } = sample;
  const name = `${module}@${entry.version}`;
  const opened = await source.openArchive(module, entry.version);
  if (opened.kind !== 'found') {
    const detail = detailOf(opened);
    return { step: 'archive', ok: false, detail: `${name}: ${detail}` };
  }
  try {
    const hash = createHash('sha256');
    for await (const chunk of opened.value.body) hash.update(chunk as Buffer);
    const ok = hash.digest('hex') === entry.checksum;
    return {
      step: 'archive',
      ok,
      detail: ok ? `${name} is what its checksum says` : `${name} is not what its checksum says`,
    };
  } catch (error) {
    return {
      step: 'archive',
      ok: false,
      detail: `${name}: ${transportFailure(error)?.detail ?? 'the answer broke off'}`,
    };
  }
}

export interface Sample {
  readonly module: ModuleName;
  readonly entry: IndexEntry;
}

/** The newest version of the first module that has a usable one. */
export async function findSample(
  files: Iterable<{ readonly module: ModuleName; readonly id: string }>,
  read: (id: string) => Promise<BoundedRead>,
): Promise<Sample | undefined> {
  for (const { module, id } of files) {
    const file = await read(id);
    const entry = file.kind === 'read' && parseIndexFile(file.bytes).lines.at(-1)?.entry;
    if (entry) return { module, entry };
  }
  return undefined;
}

async function commitDate(index: GitIndex, commit: string): Promise<string | undefined> {
  const { committedAt } = parseCommit(commit, await index.read(commit));
  return committedAt === undefined ? undefined : new Date(committedAt * 1000).toISOString();
}
