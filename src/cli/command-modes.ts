import type { OpenMode } from '../registry/open-mode.ts';

/** What a command may do to a registry's data: as it opens them, or `none` where it opens none. */
type CommandMode = OpenMode | 'none';

/**
 * The one list of what each command may do to the data (decision 0038). One that can be told to only look (`sync --dry-run`,
 * `block --list`) opens with `read` then; another way round there is none.
 */
export const commandModes: Readonly<Record<string, CommandMode>> = {
  init: 'none',
  'source add': 'write',
  'source list': 'none',
  'source remove': 'write',
  'source enable': 'write',
  'source disable': 'write',
  'source default': 'none',
  'source rename': 'write',
  'source check': 'read',
  'source login': 'none',
  'source logout': 'none',
  mirror: 'write',
  sync: 'write',
  plan: 'read',
  status: 'read',
  list: 'read',
  explain: 'read',
  verify: 'read',
  'conflicts list': 'read',
  'conflicts accept': 'write',
  'conflicts keep': 'write',
  block: 'write',
  unblock: 'write',
  'hosting adopt': 'write',
  yank: 'write',
  unyank: 'write',
  withdraw: 'write',
  'staged list': 'read',
  'staged show': 'read',
  'staged approve': 'write',
  'staged reject': 'write',
  'token create': 'write',
  'token list': 'read',
  'token revoke': 'write',
  'token rotate': 'write',
  'oidc check': 'none',
  doctor: 'read',
  serve: 'serve',
  backup: 'read',
  restore: 'none',
  config: 'write',
  path: 'read',
  'state log': 'read',
  'state at': 'read',
  'state downgrade': 'write',
  publish: 'none',
  login: 'none',
  update: 'none',
  demo: 'none',
  completion: 'none',
  complete: 'none',
};

/** Of a command that opens the data; `onlyLooks` where it was told to change nothing. */
export function openModeOf(command: string, onlyLooks: boolean): OpenMode {
  const mode = commandModes[command];
  if (mode === undefined || mode === 'none')
    throw new Error(`"${command}" is not listed as opening the data`);
  return onlyLooks ? 'read' : mode;
}
