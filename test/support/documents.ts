import { type ConfigKey, configKeys } from '../../src/config/schema-shape.ts';

/** The README's tables of settings, as Markdown: one for each table of `registry.toml`. */
export function renderSettings(): string {
  const tables = [...new Set(configKeys.map(({ table }) => table))];
  return tables
    .map((table) => {
      const rows = configKeys.filter((setting) => setting.table === table);
      return `${introduce(table, rows)}\n\n| key | type | default | meaning |\n|---|---|---|---|\n${rows.map(renderRow).join('')}`;
    })
    .join('\n');
}

/** Where the keys of a table stand, and how `config` calls them. */
function introduce(table: string, [first]: readonly ConfigKey[]): string {
  const prefix = first?.key.slice(0, first.key.lastIndexOf('.') + 1) ?? '';
  if (table === '') return 'At the top of the file, above every table:';
  if (table === '[[views]]')
    return '`[[views]]`, once for each part of the index with an address of its own; written by hand, no command sets it:';
  if (table === '[[access.oidc]]')
    return '`[[access.oidc]]`, once for whom machines are let in; written by hand, no command sets it:';
  const place = table === '[[sources]]' ? ', once for each source' : '';
  const below = /^\[sources\./.test(table) ? ', below the `[[sources]]` it belongs to' : '';
  return `\`${table}\`${place}${below}; for \`config\`, \`${prefix}KEY\`:`;
}

function renderRow({ key, type, default: fallback, meaning }: ConfigKey): string {
  const name = key.slice(key.lastIndexOf('.') + 1);
  return `| \`${name}\` | ${type} | ${fallback === '' ? '' : `\`${fallback}\``} | ${meaning} |\n`;
}
