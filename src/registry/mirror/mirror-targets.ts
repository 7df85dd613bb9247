import type { Config, SourceConfig } from '../../config/config.ts';
import { findSource } from '../../config/find-source.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import { anySource, type MirrorTarget, parseMirrorPattern } from '../../model/mirror-target.ts';
import type { MirrorOptions } from './mirror-options.ts';

/** The source to mirror from. Throws where nothing could come from it. */
export function chooseSource(config: Config, name: string | undefined): SourceConfig {
  const wanted = name ?? config.defaultSource;
  const source = findSource(config, wanted);
  if (!source.enabled) {
    const names = config.sources.map(({ name }) => name);
    throw new NotFoundError(`source "${wanted}" is disabled; configured sources: ${names.join(', ')}`, {
      hint: `run "moonbit-registry source enable ${wanted}", or choose another with --source`,
    });
  }
  return source;
}

/** Whether what is mirrored is what `[mirror] packages` says, where nobody looks on to correct a pattern. */
export function isFromSettings({ from, patterns, full }: MirrorOptions): boolean {
  return from === undefined && patterns.length === 0 && !full;
}

/**
 * What is asked for, with the source of each: patterns typed, `*` for `full`, else `[mirror] packages`; of a project's
 * requirements, nothing. Throws where that is nothing, or where a source that was typed is not there.
 */
export function chooseTargets(options: MirrorOptions, config: Config): readonly MirrorTarget[] {
  const { from, full, patterns, source } = options;
  if (full && patterns.length > 0)
    throw new UsageError('give patterns or --full, not both: --full takes every module');
  if (from !== undefined) return [];
  if (isFromSettings(options)) return settledTargets(config, source);
  const name = source === anySource ? anySource : chooseSource(config, source).name;
  return (full ? ['*'] : patterns).map((pattern) => ({ source: name, ...parseMirrorPattern(pattern) }));
}

function settledTargets({ mirror, ...config }: Config, source: string | undefined): readonly MirrorTarget[] {
  const wanted = mirror.packages.filter((target) => source === undefined || target.source === source);
  if (wanted.length > 0) return wanted;
  if (source !== undefined && source !== anySource) chooseSource({ mirror, ...config }, source);
  const of = source === undefined ? '' : ` of source "${source}"`;
  throw new UsageError(
    `nothing to mirror: give patterns such as "moonbitlang/*", --full or --from PROJECT${of && `; [mirror] packages has none${of}`}`,
    { hint: 'or list patterns under [mirror] packages in registry.toml' },
  );
}
