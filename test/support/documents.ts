import { configKeys } from '../../src/config/schema-shape.ts';

/** The README's table of settings, as Markdown. */
export function renderSettings(): string {
  const rows = configKeys.map(
    ({ key, type, default: fallback, meaning }) =>
      `| \`${key}\` | ${type} | ${fallback === '' ? '' : `\`${fallback}\``} | ${meaning} |\n`,
  );
  return `| setting | type | default | meaning |\n|---|---|---|---|\n${rows.join('')}`;
}
