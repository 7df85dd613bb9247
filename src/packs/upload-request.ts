import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { formatPackets, type Packet, parsePackets } from '../support/git/pkt-line.ts';

/**
 * What a fetching git client asks for. git's own server checks no reachability in protocol v2 and would hand out
 * any object whose id a client knows, so the lines are read here, against a list of what fetching clients send
 * (gitprotocol-v2, gitprotocol-pack); everything else is refused.
 */
export type UploadRequest =
  | {
      readonly kind: 'accepted';
      /** Distinct object ids, lowercase. Whether they may be had is the caller's to check. */
      readonly wants: readonly string[];
      /** Whether it names objects that the client has (`have`, `shallow`). */
      readonly hasKnown: boolean;
      /**
       * The same request without what does not change the answer (who asks, repeated wants), and without what the client has
       * that is not among `served`: git acknowledges whatever object is in the repository, also one that no client may
       * know of.
       */
      within(served: ReadonlySet<string>): UploadInput;
    }
  /** `malformed`: no client of git sends it. `refused`: one may, and it is answered to nobody. */
  | { readonly kind: 'malformed' | 'refused'; readonly reason: string };

/** What git is given. */
export interface UploadInput {
  readonly bytes: Buffer;
  /** SHA-256 of the bytes. */
  readonly digest: string;
  /** Whether it wants no object, only to be told of refs. */
  readonly listsRefs: boolean;
}

export type GitProtocol = 0 | 1 | 2;

const maxLines = 20_000;
const maxWants = 256;
const rememberedRequests = 1000;
const rememberedBytes = 4096;

/**
 * The protocol version that a `Git-Protocol` header asks for, read as git reads it: the highest version it knows
 * among colon-separated keys. A header that no git would send counts as none.
 */
export function parseGitProtocol(header: string | string[] | undefined): GitProtocol {
  if (typeof header !== 'string' || !/^[A-Za-z0-9=:._-]{1,64}$/.test(header)) return 0;
  const keys = header.split(':');
  return keys.includes('version=2') ? 2 : keys.includes('version=1') ? 1 : 0;
}

/** Most clients send one of a few bodies byte for byte: what those mean is worked out once. */
export function createUploadRequestReader(): typeof readUploadRequest {
  const known = new LRUCache<string, UploadRequest>({ max: rememberedRequests });
  return (protocol, body) => {
    if (body.length > rememberedBytes) return readUploadRequest(protocol, body);
    const key = `${protocol}${body.toString('latin1')}`;
    const before = known.get(key);
    if (before) return before;
    const request = readUploadRequest(protocol, body);
    known.set(key, request);
    return request;
  };
}

export function readUploadRequest(protocol: GitProtocol, body: Buffer): UploadRequest {
  const parsed = parsePackets(body, maxLines);
  if (parsed.kind === 'malformed') return malformed(parsed.reason);
  return protocol === 2 ? readCommand(parsed.packets) : readNegotiation(parsed.packets);
}

// Who asks, and options for server plug-ins: nothing the answer depends on.
const identity = /^(agent|session-id|server-option)=/;
const flush: Packet = { kind: 'flush' };

/** One v2 command: capability lines, a delimiter, argument lines, a flush. */
function readCommand(packets: readonly Packet[]): UploadRequest {
  if (packets.at(-1)?.kind !== 'flush') return malformed('it has no end');
  const content = packets.slice(0, -1);
  const split = content.findIndex(({ kind }) => kind === 'delimiter');
  const head = textsOf(split < 0 ? content : content.slice(0, split));
  const args = textsOf(split < 0 ? [] : content.slice(split + 1));
  if (!head || !args) return malformed('a separator is where a line should be');
  const kept = head.filter((line) => !identity.test(line));
  const commands = kept.filter((line) => line.startsWith('command='));
  const unknown = kept.find((line) => !line.startsWith('command=') && line !== 'object-format=sha1');
  if (unknown !== undefined) return refused(unknown);
  if (commands.length !== 1) return malformed('it names no command, or several');
  const isKnown = commands[0] === 'command=ls-refs' ? isListArgument : isFetchArgument;
  if (isKnown === isFetchArgument && commands[0] !== 'command=fetch') return refused(commands[0] ?? '');
  const strange = args.find((line) => !isKnown(line));
  if (strange !== undefined) return refused(strange);
  const mustAnswerHaves = args.some(isHave) && !args.includes('done');
  return accept(args, [], (lines) => {
    // Without any, git would send the pack at once, and the client awaits acknowledgments first.
    const haves = mustAnswerHaves && !lines.some(isHave) ? [`have ${unknownId}`] : [];
    const all = [...lines, ...haves];
    return [
      ...asPackets(kept),
      ...(all.length > 0 ? [{ kind: 'delimiter' } as const, ...asPackets(all)] : []),
      flush,
    ];
  });
}

/** No object has it. */
const unknownId = '0'.repeat(40);

function isHave(line: string): boolean {
  return line.startsWith('have ');
}

function isListArgument(line: string): boolean {
  return line === 'peel' || line === 'symrefs' || line === 'unborn' || line.startsWith('ref-prefix ');
}

// Absent on purpose: `filter`, `want-ref`, `packfile-uris`, and `deepen-not`, which tells whether a ref exists.
const fetchFlags = new Set([
  'done',
  'thin-pack',
  'no-progress',
  'include-tag',
  'ofs-delta',
  'deepen-relative',
  'wait-for-done',
]);
const objectLine = /^(want|have|shallow) [0-9a-fA-F]{40}$/;
const depthLine = /^(deepen|deepen-since) [0-9]{1,10}$/;
/** What `git fetch --unshallow` asks for. */
const infiniteDepth = 2 ** 31 - 1;

function isFetchArgument(line: string): boolean {
  return fetchFlags.has(line) || objectLine.test(line) || isDepth(line);
}

function isDepth(line: string): boolean {
  if (!depthLine.test(line)) return false;
  const value = Number(line.slice(line.indexOf(' ')));
  return value > 0 && (line.startsWith('deepen-since') || value <= infiniteDepth);
}

const negotiationFlags = new Set([
  'multi_ack',
  'multi_ack_detailed',
  'no-done',
  'thin-pack',
  'side-band',
  'side-band-64k',
  'ofs-delta',
  'shallow',
  'deepen-since',
  'deepen-not',
  'deepen-relative',
  'no-progress',
  'include-tag',
  'object-format=sha1',
]);

/** v0 and v1: wants (the first with capabilities), shallow and deepen lines, a flush; then haves, flushes, `done`. */
function readNegotiation(packets: readonly Packet[]): UploadRequest {
  const end = packets.findIndex(({ kind }) => kind === 'flush');
  if (end < 0) return malformed('it has no end');
  const asked = textsOf(packets.slice(0, end));
  const rest = packets.slice(end + 1);
  if (!asked || rest.some(({ kind }) => kind === 'delimiter'))
    return malformed('it has a protocol v2 separator');
  const last = rest.at(-1);
  if (last && last.kind !== 'flush' && textOf(last) !== 'done') return malformed('it has no end');
  const [first = '', ...others] = asked;
  const [want, id, ...sent] = first.split(' ').filter((word) => word !== '');
  const capabilities = sent.filter((word) => !identity.test(word));
  const unknown = capabilities.find((word) => !negotiationFlags.has(word));
  if (unknown !== undefined) return refused(unknown);
  const plain = asked.length === 0 ? [] : [`${want} ${id}`, ...others];
  const strange =
    plain.find((line) => !/^(want|shallow|deepen)/.test(line) || !isFetchArgument(line)) ??
    rest
      .map(textOf)
      .find((line) => line !== undefined && line !== 'done' && !/^have [0-9a-fA-F]{40}$/.test(line));
  if (strange !== undefined) return refused(strange);
  return accept(plain, rest, ([head, ...lines], kept) => [
    ...(head === undefined ? [] : asPackets([[head, ...capabilities].join(' '), ...lines])),
    flush,
    ...kept,
  ]);
}

/** `rest` is what stands apart from the lines: haves among flushes, in v0. */
function accept(
  lines: readonly string[],
  rest: readonly Packet[],
  build: (lines: readonly string[], rest: readonly Packet[]) => readonly Packet[],
): UploadRequest {
  if (
    lines.some((line) => line.startsWith('deepen ')) &&
    lines.some((line) => line.startsWith('deepen-since '))
  )
    return malformed('it wants both a depth and a date');
  const isWant = (line: string) => line.startsWith('want ');
  const wanted = new Set(lines.filter(isWant).map((line) => line.toLowerCase()));
  if (wanted.size > maxWants) return refused(`more than ${maxWants} wants`);
  const others = lines.filter((line) => !isWant(line));
  const inputFor = (isKept: (line: string) => boolean) =>
    inputOf(
      build(
        [...wanted, ...others.filter(isKept)],
        rest.filter((packet) => packet.kind !== 'data' || isKept(packet.text)),
      ),
      wanted.size === 0,
    );
  const hasKnown = others.some(isKnownLine) || rest.some((packet) => isKnownLine(textOf(packet) ?? ''));
  const plain = hasKnown ? undefined : inputFor(() => true);
  return {
    kind: 'accepted',
    wants: [...wanted].map((line) => line.slice('want '.length)),
    hasKnown,
    within: (served) => plain ?? inputFor((line) => !isKnownLine(line) || served.has(idOf(line))),
  };
}

function isKnownLine(line: string): boolean {
  return isHave(line) || line.startsWith('shallow ');
}

function idOf(line: string): string {
  return line.slice(line.indexOf(' ') + 1).toLowerCase();
}

function inputOf(packets: readonly Packet[], listsRefs: boolean): UploadInput {
  const bytes = formatPackets(packets);
  return { bytes, digest: createHash('sha256').update(bytes).digest('hex'), listsRefs };
}

function asPackets(lines: readonly string[]): Packet[] {
  return lines.map((text) => ({ kind: 'data', text }));
}

function textsOf(packets: readonly Packet[]): string[] | undefined {
  const texts = packets.map(textOf);
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

function textOf(packet: Packet): string | undefined {
  return packet.kind === 'data' ? packet.text : undefined;
}

function malformed(reason: string): UploadRequest {
  return { kind: 'malformed', reason: `This is not a request of a git client: ${reason}.` };
}

function refused(line: string): UploadRequest {
  const shown = JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);
  return {
    kind: 'refused',
    reason: `This index serves clones and fetches of main; refused: ${shown}.`,
  };
}
