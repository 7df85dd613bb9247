import type { BareSettings } from './bare-process.ts';
import type { ClientsSettings } from './clients-process.ts';
import type { HostileSettings } from './hostile-process.ts';
import type { LoadPlan } from './load-process.ts';
import type { UpstreamSettings } from './upstream-process.ts';

/** What a bundled benchmark runs as when it starts itself again, so that what it measures has a process of its own. */
export type Role =
  | { readonly role: 'upstream'; readonly settings: UpstreamSettings }
  | { readonly role: 'bare'; readonly settings: BareSettings }
  | { readonly role: 'clients'; readonly settings: ClientsSettings }
  | { readonly role: 'hostile'; readonly settings: HostileSettings }
  | { readonly role: 'load'; readonly settings: LoadPlan };

const variable = 'BENCH_ROLE';

/** How to start the program that is running now, in a role; larger settings go through a file. */
export function roleProcess(role: { role: Role['role']; settings: unknown }, file?: string) {
  const value = file === undefined ? JSON.stringify(role) : `@${file}`;
  return { command: process.execPath, args: [process.argv[1] ?? ''], env: { [variable]: value } };
}

/** Plays the role this process was started in; `false` if it was started by a user. */
export async function playRole(): Promise<boolean> {
  const value = process.env[variable];
  if (value === undefined) return false;
  const { readFile } = await import('node:fs/promises');
  const role: Role = JSON.parse(value.startsWith('@') ? await readFile(value.slice(1), 'utf8') : value);
  if (role.role === 'upstream') {
    const { serveUpstream } = await import('./upstream-process.ts');
    await serveUpstream(role.settings);
  } else if (role.role === 'clients') {
    const { askAsClients } = await import('./clients-process.ts');
    await askAsClients(role.settings);
  } else if (role.role === 'hostile') {
    const { serveHostile } = await import('./hostile-process.ts');
    await serveHostile(role.settings);
  } else if (role.role === 'bare') {
    const { serveBare } = await import('./bare-process.ts');
    await serveBare(role.settings);
  } else {
    const { generateLoad } = await import('./load-process.ts');
    console.log(JSON.stringify(await generateLoad(role.settings)));
  }
  return true;
}
