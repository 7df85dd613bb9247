import type { Command } from 'commander';
import type { Config, SourceConfig } from '../../config/config.ts';
import { sourceKinds } from '../../sources/kinds.ts';
import { addExamples, type Run, readConfig, saySources } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';

export function defineSourceList(parent: Command, run: Run): void {
  const command = parent
    .command('list')
    .description('Lists the sources in the order in which they were added.');
  addExamples(command, [
    ['moonbit-registry source list', 'Show names, addresses and priorities.'],
    ['moonbit-registry source list --json', 'The same as data, without credentials.'],
  ]);
  command.action(() =>
    run(async (context) => {
      const config = await readConfig(context);
      saySources(context, config);
      const { defaultSource, sourcesAreImplied } = config;
      context.output.result({
        text: formatSources(config),
        isExact: true,
        json: { defaultSource, sourcesAreImplied, sources: config.sources.map(withoutSecrets) },
      });
      return exitCodes.done;
    }),
  );
}

/**
 * One block per source. The lines up to `Priority:` are the recipe's, byte for byte; others follow only where a
 * source has such a setting.
 */
export function formatSources(config: Config): string {
  const blocks = config.sources.map((source) => {
    const marker = source.name === config.defaultSource ? ' (default)' : '';
    const settings = [
      `Type: ${source.type}`,
      `URL: ${source.url}`,
      `Index: ${source.indexUrl} (${source.indexType})`,
      `Priority: ${source.priority}`,
      ...formatPatterns('Namespaces', source.namespaces),
      ...formatPatterns('Include', source.include),
      ...formatPatterns('Exclude', source.exclude),
      ...(source.downloadUrl === sourceKinds.mooncakes.archivesAt(source.url)
        ? []
        : [`Archives: ${source.downloadUrl}`]),
      ...(source.indexBranch === undefined ? [] : [`Branch: ${source.indexBranch}`]),
      ...(source.userAgent === undefined ? [] : [`User agent: ${source.userAgent}`]),
      ...(source.auth ? [`Auth: ${source.auth.type}`] : []),
      ...formatTls(source.tls),
    ];
    const title = `  ${source.name}${marker} [${source.enabled ? 'enabled' : 'disabled'}]`;
    return [title, ...settings.map((line) => `    ${line}`)].join('\n');
  });
  return ['Configured sources:', ...blocks].join('\n\n');
}

/** What `--json` shows of a source: all but its credentials (rule 10). */
function withoutSecrets({ auth, tls, ...source }: SourceConfig): object {
  const { certificate, key, ca } = tls ?? {};
  const files = { certificate: certificate?.written, key: key?.written, ca: ca?.written };
  return {
    ...source,
    ...(auth === undefined ? {} : { auth: { type: auth.type } }),
    ...(tls === undefined ? {} : { tls: files }),
  };
}

function formatTls(tls: SourceConfig['tls']): string[] {
  return [
    ...(tls?.certificate ? [`Client certificate: ${tls.certificate.written}`] : []),
    ...(tls?.ca ? [`Authorities: ${tls.ca.written}`] : []),
  ];
}

function formatPatterns(label: string, patterns: readonly string[]): string[] {
  return patterns.length === 0 ? [] : [`${label}: ${patterns.join(', ')}`];
}
