// Writes src/cli/powershell-completion.json, by the library that knows PowerShell; it prints what it makes.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const name = 'moonbit-registry';
const print = `import { script } from '@bomb.sh/tab'; script('powershell', '${name}', '${name}');`;
const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', print], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  encoding: 'utf8',
});
const text = JSON.stringify({ script: printed.replace(/\n$/, '') }, undefined, 2);
writeFileSync(new URL('../src/cli/powershell-completion.json', import.meta.url), `${text}\n`);
