import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { GitError, gitEnvironment, startGit } from './git.ts';

interface GitObjectFacts {
  readonly id: string;
  readonly type: string;
  /** Size of the content, inflated. */
  readonly sizeBytes: number;
}

interface GitObject extends GitObjectFacts {
  readonly content: Buffer;
}

/**
 * Reads objects through one long-lived `git cat-file --batch`, started when first needed. Names are anything
 * `git rev-parse` takes that has no newline (`HEAD:path`). Answers come in the order asked; new objects are seen.
 */
export interface GitObjectReader {
  read(name: string): Promise<GitObject | undefined>;
  /** Like `read` without the content, which is not looked at. */
  identify(name: string): Promise<GitObjectFacts | undefined>;
  /** Ends it when what was asked is answered. Whatever is asked later rejects. */
  close(): void;
  /** Ends it at once; what was asked and is not answered rejects, and so does whatever is asked later. */
  kill(): void;
}

/** `variables` are added to git's environment: another place of the objects, limits. */
export function createGitObjectReader(
  gitDir: string,
  variables: Readonly<Record<string, string>> = {},
): GitObjectReader {
  const contents = createBatchProcess({ gitDir, variables }, '--batch', true);
  const identities = createBatchProcess({ gitDir, variables }, '--batch-check', false);
  return {
    read: (name) => contents.ask(name),
    identify: (name) => identities.ask(name),
    close() {
      contents.close();
      identities.close();
    },
    kill() {
      contents.kill();
      identities.kill();
    },
  };
}

/** The tree of a commit; `undefined` where either is missing, or so damaged that git cannot read it. */
export async function findTree(objects: GitObjectReader, commit: string): Promise<string | undefined> {
  if (!/^[0-9a-f]{40}$/.test(commit)) return undefined;
  const object = await objects.read(`${commit}^{tree}`).catch((error: unknown) => {
    if (error instanceof GitError) return undefined;
    throw error;
  });
  return object?.type === 'tree' ? object.id : undefined;
}

interface Waiting {
  readonly resolve: (object: GitObject | undefined) => void;
  readonly reject: (error: Error) => void;
}

interface Repository {
  readonly gitDir: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** A reader lives as long as we do: without these, git keeps up to 96 MiB unpacked, and all of a pack mapped. */
const littleMemory = [
  ...['-c', 'core.deltaBaseCacheLimit=16m'],
  ...['-c', 'core.packedGitWindowSize=1m', '-c', 'core.packedGitLimit=16m'],
];

function createBatchProcess({ gitDir, variables }: Repository, mode: string, hasContent: boolean) {
  let child: ChildProcessWithoutNullStreams | undefined;
  let waiting: Waiting[] = [];
  // Of the first in `waiting`: taking each from the front would move all the others, of which there may be 100,000.
  let answered = 0;
  let isClosed = false;

  function start(): ChildProcessWithoutNullStreams {
    const args = [...littleMemory, '--git-dir', gitDir, 'cat-file', mode];
    const { child: started, stderr, ended } = startGit(args, gitEnvironment(variables));
    const answers = createAnswerParser(hasContent, (object) => settle(object));
    started.stdout.on('data', (chunk: Buffer) => answers.push(chunk));
    ended.then(
      (end) => {
        const message = `git cat-file ended with ${end.status ?? end.killedBy}`;
        fail(started, new GitError(message, { ...end, stderr: stderr.text() }));
      },
      (error: Error) => fail(started, error),
    );
    hold(started, false);
    child = started;
    return started;
  }

  function settle(object: GitObject | undefined): void {
    waiting[answered++]?.resolve(object);
    if (answered * 2 >= waiting.length) {
      waiting.splice(0, answered);
      answered = 0;
    }
    if (waiting.length === 0 && child) hold(child, false);
  }

  function fail(failed: ChildProcessWithoutNullStreams, error: Error): void {
    if (child !== failed) return;
    child = undefined;
    const abandoned = waiting.slice(answered);
    waiting = [];
    answered = 0;
    for (const { reject } of abandoned) reject(error);
  }

  return {
    async ask(name: string): Promise<GitObject | undefined> {
      if (name.includes('\n')) return undefined;
      // Started again, it would be left behind: nobody closes it twice.
      if (isClosed) throw new GitError('git cat-file was closed', { stderr: '' });
      const process = child ?? start();
      hold(process, true);
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        process.stdin.write(`${name}\n`);
      });
    },
    close(): void {
      isClosed = true;
      child?.stdin.end();
    },
    kill(): void {
      isClosed = true;
      child?.kill('SIGKILL');
    },
  };
}

/** An idle reader must not keep our process alive; one that owes an answer must. */
function hold(child: ChildProcessWithoutNullStreams, isBusy: boolean): void {
  const handles = [child, child.stdin, child.stdout, child.stderr] as unknown as {
    ref(): void;
    unref(): void;
  }[];
  for (const handle of handles) isBusy ? handle.ref() : handle.unref();
}

/** Splits the output of `cat-file --batch`: `<id> <type> <size>\n<content>\n`, or `<name> missing\n`. */
function createAnswerParser(hasContent: boolean, deliver: (object: GitObject | undefined) => void) {
  let chunks: Buffer[] = [];
  let available = 0;
  let header: GitObjectFacts | undefined;

  function take(length: number): Buffer {
    const whole = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
    const rest = whole.subarray(length);
    chunks = rest.length > 0 ? [rest] : [];
    available -= length;
    return whole.subarray(0, length);
  }

  function readHeader(): boolean {
    const end = indexOfNewline(chunks);
    if (end < 0) return false;
    const line = take(end + 1).toString('utf8', 0, end);
    const match = /^([0-9a-f]{40}) (\w+) (\d+)$/.exec(line);
    if (!match) deliver(undefined);
    else {
      const facts = { id: match[1] ?? '', type: match[2] ?? '', sizeBytes: Number(match[3]) };
      if (hasContent) header = facts;
      else deliver({ ...facts, content: Buffer.alloc(0) });
    }
    return true;
  }

  function readContent(facts: GitObjectFacts): boolean {
    const size = facts.sizeBytes;
    if (available < size + 1) return false;
    // A copy: a slice would keep the whole chunk alive for as long as somebody keeps one small file.
    const content = Buffer.from(take(size + 1).subarray(0, size));
    header = undefined;
    deliver({ ...facts, content });
    return true;
  }

  return {
    push(chunk: Buffer): void {
      chunks.push(chunk);
      available += chunk.length;
      while (header ? readContent(header) : available > 0 && readHeader());
    },
  };
}

function indexOfNewline(chunks: readonly Buffer[]): number {
  let offset = 0;
  for (const chunk of chunks) {
    const position = chunk.indexOf(10);
    if (position >= 0) return offset + position;
    offset += chunk.length;
  }
  return -1;
}
