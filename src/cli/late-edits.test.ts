import { expect, test } from 'vitest';
import { parseConfig } from '../config/load.ts';
import { createLateEditReport, findLateEdits } from './late-edits.ts';

function configOf(text: string) {
  return parseConfig(text, { directory: '/registry' });
}

test.each([
  ['server', 'host = "0.0.0.0"', 'server.host = "0.0.0.0"'],
  ['server', 'port = 9090', 'server.port = 9090'],
  ['server', 'max_connections = 5', 'server.max_connections = 5'],
  ['limits', 'git_queue = 5', 'limits.git_queue = 5'],
  ['limits', 'keep_alive_timeout = "5s"', 'limits.keep_alive_timeout = "5s"'],
])('an edit of [%s] %s needs another start', (table, line, told) => {
  expect(findLateEdits(configOf(''), configOf(`[${table}]\n${line}`))).toEqual([told]);
});

test('an edit of any other setting of [server] needs none', () => {
  const now = configOf(`
    [server]
    base_url = "https://registry.example"
    allowed_hosts = ["registry"]
    trusted_proxies = ["10.0.0.0/8"]
    upstream_fallback = false
    refresh_interval = "5m"
    scrub_interval = "5h"
  `);
  expect(findLateEdits(configOf(''), now)).toEqual([]);
});

test('what waits for another start is told once, and that it no longer does', () => {
  const lines: string[] = [];
  const record = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  const log = { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') };
  const report = createLateEditReport(log, configOf(''));
  report(configOf('[server]\nrefresh_interval = "5m"'));
  expect(lines).toEqual([]);
  const edited = '[server]\nport = 9090\n[limits]\ngit_queue = 5';
  report(configOf(edited));
  report(configOf(edited));
  report(configOf(''));
  report({ ...configOf(''), warnings: ['registry.toml:9: mend me'] });
  report({ ...configOf(''), warnings: ['registry.toml:9: mend me'] });
  expect(lines).toEqual([
    'warn: registry.toml: these count when serve is started again: server.port = 9090, limits.git_queue = 5',
    'info: registry.toml: no edit waits for another start of serve any more',
    'warn: registry.toml:9: mend me',
  ]);
});
