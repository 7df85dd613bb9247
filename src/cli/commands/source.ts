import type { Command } from 'commander';
import type { DefineCommand, Run } from '../context.ts';
import { defineSourceAdd } from './source-add.ts';
import { defineSourceCheck } from './source-check.ts';
import { defineSourceDefault } from './source-default.ts';
import { defineSourceDisable, defineSourceEnable } from './source-enable.ts';
import { defineSourceList } from './source-list.ts';
import { defineSourceLogin, defineSourceLogout } from './source-login.ts';
import { defineSourceRemove } from './source-remove.ts';
import { defineSourceRename } from './source-rename.ts';

const commands: readonly DefineCommand[] = [
  defineSourceAdd,
  defineSourceList,
  defineSourceDefault,
  defineSourceEnable,
  defineSourceDisable,
  defineSourceRename,
  defineSourceRemove,
  defineSourceLogin,
  defineSourceLogout,
  defineSourceCheck,
];

export function defineSource(parent: Command, run: Run): void {
  const command = parent
    .command('source')
    .summary('add, list, check and change sources')
    .description(
      'Manages the upstream registries this one reads. Edits keep the comments and order of registry.toml.',
    );
  for (const define of commands) define(command, run);
}
