import { lengthDigits, readPackets } from '../support/git/pkt-line.ts';
import { redact } from '../support/redact.ts';
import type { Mask } from '../support/secret-mask.ts';

/** What a git server says it has, in the three forms servers say it; pure. */

/** The branch a source's index is read from, and where it is. */
export interface RemoteHead {
  /** Full name of the branch; `HEAD` only where that points to no branch. */
  readonly ref: string;
  readonly commit: string;
}

export interface RemoteRefs {
  /** Object ids (40 hex digits) by the names of refs. */
  readonly refs: ReadonlyMap<string, string>;
  /** The ref that `HEAD` points to, where the server says so. */
  readonly headTarget: string | undefined;
  /** What a smart server says it can do; none of others. */
  readonly capabilities: readonly string[];
}

/** `refs`, or why the text is not what it should be, in words that end a sentence. */
export type ParsedRefs =
  | { readonly kind: 'refs'; readonly refs: RemoteRefs }
  | { readonly kind: 'malformed'; readonly reason: string };

const refName = /^[^\s:^~?*[\\\u0000-\u0020\u007f]+$/;

/**
 * The answer to `info/refs?service=git-upload-pack` without `Git-Protocol`: protocol version 0 or 1 in pkt-lines
 * (git's Documentation/gitprotocol-pack, "Reference Discovery"). An empty repository has no refs. `mask` hides what must
 * not be told of the server's own words.
 */
export function parseSmartRefs(answer: Buffer, mask?: Mask): ParsedRefs {
  const reading = createRefReading();
  let capabilities: readonly string[] | undefined;
  for (const line of packetLines(answer)) {
    if (line === undefined) return malformed('its list of branches is garbled or cut short');
    if (/^(# service=|version 1$|shallow )/.test(line)) continue;
    if (line.startsWith('ERR ')) return malformed(`it says: ${redact(line.slice('ERR '.length), mask)}`);
    if (capabilities !== undefined) {
      reading.take(line.replace(' ', '\t'));
      continue;
    }
    if (line.startsWith('version ')) return malformed("it speaks an unknown version of git's protocol");
    const [first = '', capabilityText = ''] = line.split('\0');
    capabilities = capabilityText.split(' ');
    reading.take(first.replace(' ', '\t'));
  }
  const parsed = reading.result();
  if (parsed.kind === 'malformed') return parsed;
  const symref = capabilities?.find((capability) => capability.startsWith('symref=HEAD:'));
  const headTarget = symref?.slice('symref=HEAD:'.length);
  return { kind: 'refs', refs: { ...parsed.refs, capabilities: capabilities ?? [], headTarget } };
}

/** Lines `<id>\t<ref>`: the file `info/refs` of dumb HTTP, or `git ls-remote --symref` with its `ref: …` lines. */
export function parseRefLines(text: string): ParsedRefs {
  const reading = createRefReading();
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start);
    const next = end < 0 ? text.length : end;
    reading.take(text.slice(start, next));
    start = next + 1;
  }
  return reading.result();
}

/** Takes one line after the other: of a long answer there is never more than that in pieces. */
function createRefReading() {
  const refs = new Map<string, string>();
  let headTarget: string | undefined;
  let problem: string | undefined;
  return {
    take(line: string): void {
      const [id = '', name = ''] = line.trimEnd().split('\t', 2);
      if (id === '') return;
      if (id.startsWith('ref: ')) {
        if (name === 'HEAD') headTarget = id.slice('ref: '.length);
      } else if (/^[0-9a-f]{64}$/.test(id)) problem ??= 'it uses SHA-256 object ids, which are not supported';
      else if (!/^[0-9a-f]{40}$/.test(id) || name === '') problem ??= 'its list of branches is garbled';
      else if (!name.endsWith('^{}') && refName.test(name)) refs.set(name, id);
    },
    result(): ParsedRefs {
      if (problem !== undefined) return malformed(problem);
      return { kind: 'refs', refs: { refs, headTarget, capabilities: [] } };
    },
  };
}

/** The default branch: what `HEAD` points to, else `main`, else `master`. */
export function selectHead({ refs, headTarget }: RemoteRefs): RemoteHead | undefined {
  const head = refs.get('HEAD');
  const branches = [...refs.keys()].filter((name) => name.startsWith('refs/heads/'));
  const atHead = branches.filter((name) => head !== undefined && refs.get(name) === head);
  const preferred = ['refs/heads/main', 'refs/heads/master'];
  const ref =
    [headTarget ?? ''].find((name) => refs.has(name)) ??
    preferred.find((name) => atHead.includes(name)) ??
    atHead[0] ??
    (head === undefined ? preferred.find((name) => refs.has(name)) : 'HEAD');
  const commit = ref === undefined ? undefined : refs.get(ref);
  return ref === undefined || commit === undefined ? undefined : { ref, commit };
}

/** A branch by its name, without `refs/heads/`. */
export function findBranch({ refs }: RemoteRefs, name: string): RemoteHead | undefined {
  const ref = `refs/heads/${name}`;
  const commit = refs.get(ref);
  return commit === undefined ? undefined : { ref, commit };
}

const maxNamed = 5;

/** Which branches there are, in a clause. */
export function describeBranches({ refs }: RemoteRefs): string {
  const prefix = 'refs/heads/';
  const names = [...refs.keys()]
    .filter((ref) => ref.startsWith(prefix))
    .map((ref) => ref.slice(prefix.length));
  if (names.length === 0) return 'it has none';
  const rest = names.length - maxNamed;
  return `it has ${names.slice(0, maxNamed).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** Texts of packets; flush packets are skipped. Ends with `undefined` if the framing is broken. */
function* packetLines(bytes: Buffer): Generator<string | undefined> {
  for (const packet of readPackets(bytes, 'utf8')) {
    if (packet.kind === 'data') yield packet.text;
    else if (packet.kind !== 'flush') return yield undefined;
  }
  // Each of the two parts ends in a flush packet.
  if (bytes.toString('latin1', bytes.length - lengthDigits) !== '0000') yield undefined;
}

function malformed(reason: string): ParsedRefs {
  return { kind: 'malformed', reason };
}
