/** What may stand at a place of the command line: as words, or as what only the registry or the shell can list. */
import type { Command } from 'commander';
import { optionsOf, type Place } from './completion-place.ts';
import { fullName } from './program.ts';

export interface OfferedWord {
  readonly word: string;
  /** One short phrase; '' for none. */
  readonly about: string;
}

/** Paths the shell lists itself. */
export type Offer = { readonly kind: 'folders' } | { readonly kind: 'files' } | WordOffer;

export type WordOffer =
  | { readonly kind: 'words'; readonly words: readonly OfferedWord[] }
  | { readonly kind: 'sources' | 'modules' | 'blocks' | 'keys' | 'variables' }
  | { readonly kind: 'values of'; readonly key: string }
  /** Something new, a number, or text. */
  | { readonly kind: 'nothing' };

export type OfferKind = Exclude<Offer['kind'], 'words' | 'values of'>;

/** By command and argument. `config` has its own rule. */
export const argumentOffers: Readonly<Record<string, OfferKind>> = {
  'init path': 'folders',
  'source add name': 'nothing',
  'source default name': 'sources',
  'source enable name': 'sources',
  'source disable name': 'sources',
  'source rename old': 'sources',
  'source rename new': 'nothing',
  'source remove name': 'sources',
  'source login name': 'sources',
  'source logout name': 'sources',
  'source check name': 'sources',
  'mirror patterns': 'modules',
  'list pattern': 'modules',
  'explain module[@version]': 'modules',
  'conflicts keep module[@version]': 'modules',
  'conflicts accept module[@version]': 'modules',
  'block module[@version]': 'modules',
  'unblock module[@version]': 'blocks',
  'hosting adopt pattern': 'modules',
  'yank module[@version]': 'modules',
  'unyank module[@version]': 'modules',
  'withdraw module@version': 'modules',
  'staged show id|module@version': 'nothing',
  'staged approve id|module@version': 'nothing',
  'staged reject id|module@version': 'nothing',
  'token create name': 'nothing',
  'token revoke name': 'nothing',
  'token rotate name': 'nothing',
  'oidc check token-file': 'files',
  'path module@version': 'modules',
  'state at when': 'nothing',
  'publish path': 'files',
  'login url': 'nothing',
  'backup file': 'files',
  'restore file': 'files',
  'restore folder': 'folders',
};

/** By option, each value in turn. Those with a few values that the program knows are not here. */
export const optionOffers: Readonly<Record<string, readonly OfferKind[]>> = {
  '--dir': ['folders'],
  '--name': ['nothing'],
  '--url': ['nothing'],
  '--index-url': ['nothing'],
  '--index-branch': ['nothing'],
  '--user-agent': ['nothing'],
  '--priority': ['nothing'],
  '--namespace': ['nothing'],
  '--include': ['nothing'],
  '--exclude': ['nothing'],
  '--bearer-env': ['variables'],
  '--bearer-file': ['files'],
  '--basic-env': ['nothing', 'variables'],
  '--basic-file': ['nothing', 'files'],
  '--source': ['sources'],
  '--from': ['files'],
  '--jobs': ['nothing'],
  '--limit': ['nothing'],
  '--at': ['nothing'],
  '--config': ['files'],
  '--outdated': ['files'],
  '--checksum': ['nothing'],
  '--requirements': ['nothing'],
  '--origin': ['sources'],
  '--reason': ['nothing'],
  '--owner': ['nothing'],
  '--issuer': ['nothing'],
  '--may': ['nothing'],
  '--for': ['nothing'],
  '--read-for': ['nothing'],
  '--expires': ['nothing'],
  '--only': ['nothing'],
  '--cidr': ['nothing'],
  '--host': ['nothing'],
  '--port': ['nothing'],
  '--workers': ['nothing'],
  '--registry': ['nothing'],
  '--token-env': ['variables'],
  '--save': ['folders'],
  '--view': ['nothing'],
  '--by': ['nothing'],
};

export function offerAt(place: Place, words: readonly string[]): Offer {
  switch (place.kind) {
    case 'command':
      return { kind: 'words', words: commandWords(place.command, place.isHelp) };
    case 'option':
      return {
        kind: 'words',
        words: optionsOf(place.command).flatMap(({ long, description }) =>
          long === undefined || long === null ? [] : [{ word: long, about: shortly(description) }],
        ),
      };
    case 'value': {
      const { option, position } = place;
      if (option.argChoices) return choices(option.argChoices);
      return { kind: optionOffers[option.long ?? '']?.[position] ?? 'nothing' };
    }
    case 'argument':
      return argumentOffer(place, words);
  }
}

function argumentOffer(
  { command, argument, before }: Extract<Place, { kind: 'argument' }>,
  words: readonly string[],
): Offer {
  if (argument === undefined) return { kind: 'nothing' };
  if (argument.argChoices) return choices(argument.argChoices);
  const name = nameInside(command);
  if (name !== 'config') return { kind: argumentOffers[`${name} ${argument.name()}`] ?? 'nothing' };
  const isKey = before.length % 2 === 0 || words.includes('--unset');
  return isKey ? { kind: 'keys' } : { kind: 'values of', key: before.at(-1) ?? '' };
}

function commandWords(command: Command, isHelp: boolean): OfferedWord[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => !isHelp || child.name() !== 'help')
    .map((child) => ({ word: child.name(), about: shortly(child.summary() || child.description()) }));
}

function choices(words: readonly string[]): Offer {
  return { kind: 'words', words: words.map((word) => ({ word, about: '' })) };
}

/** Without the program's name: `source add`. */
export function nameInside(command: Command): string {
  return fullName(command).split(' ').slice(1).join(' ');
}

/** A word and this fit into a terminal of 80 columns. */
const goodCharacters = 60;
const maxCharacters = 80;

/** The beginning of a text, as far as it makes sense alone: lists of suggestions have one line for each. */
export function shortly(text: string): string {
  const [first = ''] = text.split(/[.;:](?=\s)|\s\(|\.$/);
  if (first.length <= goodCharacters) return first;
  const clause = first.lastIndexOf(', ', goodCharacters);
  if (clause > 0) return first.slice(0, clause);
  return first.length <= maxCharacters ? first : first.slice(0, first.lastIndexOf(' ', maxCharacters));
}
