import { createHash } from 'node:crypto';
import type { GitIndex } from '../index/git-index.ts';
import { parseIndexFile } from '../index/index-file.ts';
import { readIndexPath } from '../index/layout.ts';
import type { IndexEntry } from '../model/index-entry.ts';
import { detailOf, type SourceFailure } from '../model/lookup.ts';
import type { ModuleName } from '../model/module-name.ts';
import type { Source } from '../sources/source.ts';
import { countDroppedNewest } from './newer-format.ts';
import type { SourceCheck } from './reports.ts';
import { readSourceFile } from './source-file.ts';

type Step = SourceCheck['steps'][number];

/** Looks at one source as an operator would: is it there, does it let us in, what does it have, is it true? */
export async function checkSource(source: Source, index: GitIndex): Promise<SourceCheck> {
  const check = (steps: readonly Step[], facts: Partial<SourceCheck> = {}): SourceCheck => ({
    source: source.config.name,
    ok: steps.every((step) => step.ok),
    modules: undefined,
    changedAt: undefined,
    latencyMs: undefined,
    ...facts,
    steps,
  });
  const probe = await source.probe();
  if (probe.kind !== 'found')
    return check(stepsOfFailure(probe.kind === 'absent' ? undefined : probe.cause, detailOf(probe)));
  const { latencyMs, transport } = probe.value;
  const steps: Step[] = [
    { step: 'reach', ok: true, detail: `answers in ${Math.round(latencyMs)} ms (${transport})` },
    {
      step: 'authenticate',
      ok: true,
      detail: source.config.auth ? 'credentials accepted' : 'no credentials needed',
    },
  ];
  const snapshot = await source.readSnapshot(undefined);
  if (snapshot.kind !== 'found') {
    const detail = detailOf(snapshot);
    return check([...steps, { step: 'index', ok: false, detail }], { latencyMs });
  }
  const files = [...(await index.list(snapshot.value.tree))].flatMap(([path, id]) => {
    const target = readIndexPath(path);
    return target.kind === 'module' ? [{ module: target.module, id }] : [];
  });
  const changedAt = await commitDate(index, snapshot.value.commit);
  const newest = await countDroppedNewest(index, files, source.config.limits);
  const facts = { latencyMs, modules: files.length, changedAt, newest };
  const isReadable = files.length > 0;
  const commit = snapshot.value.commit.slice(0, 10);
  const detail = isReadable
    ? `${files.length} modules at commit ${commit}`
    : `commit ${commit} has no .index file below user/`;
  steps.push({ step: 'index', ok: isReadable, detail });
  if (!isReadable) return check(steps, facts);
  return check([...steps, await checkArchive(source, index, files)], facts);
}

function stepsOfFailure(failure: SourceFailure | undefined, detail: string): Step[] {
  const isUnreachable =
    failure !== undefined && ['timeout', 'connection', 'tls', 'disabled'].includes(failure.reason);
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
  const sample = await firstEntry(index, files, source.config.limits.indexFileBytes);
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
      detail: `${name}: the answer broke off: ${(error as Error).message}`,
    };
  }
}

async function firstEntry(
  index: GitIndex,
  files: readonly { readonly module: ModuleName; readonly id: string }[],
  maxBytes: number,
): Promise<{ readonly module: ModuleName; readonly entry: IndexEntry } | undefined> {
  for (const { module, id } of files) {
    const read = await readSourceFile(index, id, maxBytes);
    const entry = 'bytes' in read ? parseIndexFile(read.bytes).lines.at(-1)?.entry : undefined;
    if (entry) return { module, entry };
  }
  return undefined;
}

async function commitDate(index: GitIndex, commit: string): Promise<string | undefined> {
  const content = (await index.read(commit))?.toString('utf8') ?? '';
  const seconds = /^committer .* (\d+) [+-]\d{4}$/m.exec(content)?.[1];
  return seconds === undefined ? undefined : new Date(Number(seconds) * 1000).toISOString();
}
