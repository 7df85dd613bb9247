import { setTimeout as sleep } from 'node:timers/promises';

/** What the demo needs of the command line it is a command of. */
export interface DemoHost<Code extends number> {
  /** Runs `moonbit-registry` with these words in a folder; returns its exit code. */
  command(words: readonly string[], workingDirectory: string, surroundings?: Surroundings): Promise<Code>;
  /** Calls back when the process ends, whatever ends it; returns what stops that. */
  onExit(listener: () => void): () => void;
  /** Throws once the user has had enough. */
  throwIfInterrupted(): void;
  /** Shows a line or more to the user. */
  say(text: string): void;
  /** What a shell calls `moonbit-registry` where the user is. */
  readonly program: string;
  /** One word of a command line that is pasted into a shell. */
  quoteForShell(text: string): string;
}

interface Surroundings {
  /** Variables on top of those of the process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Is told what the command prints as its result. */
  readonly onResult?: ((text: string) => void) | undefined;
  /** Interrupts it. */
  readonly signal?: AbortSignal | undefined;
}

interface Step {
  readonly words: readonly string[];
  readonly where: string;
  /** Why it is done. */
  readonly note?: string;
  /** A token that the command finds in its variable. */
  readonly token?: string;
}

/** A server that was started beside. */
export interface Running<Code extends number> {
  readonly url: string;
  /** When it has ended, for whatever reason. */
  readonly ended: Promise<Code>;
  /** Ends it. */
  stop(): Promise<void>;
}

/** Shows commands to the user, and runs them. */
export interface Performer<Code extends number> {
  note(text: string): void;
  /** What it printed as its result. Throws `StepFailed` where it did not succeed. */
  run(step: Step): Promise<string>;
  /** Serves on a port of this machine, once it answers. Throws `StepFailed` where it ends before. */
  serve(where: string, port: number): Promise<Running<Code>>;
}

/** A command of the demo did not succeed, and has said why. */
export class StepFailed<Code extends number> extends Error {
  readonly exitCode: Code;

  constructor(exitCode: Code) {
    super(`a command of the demo ended with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

export function createPerformer<Code extends number>(host: DemoHost<Code>): Performer<Code> {
  const note = (text: string) => host.say(`\n# ${text}`);
  const show = ({ words, note: why }: Pick<Step, 'words' | 'note'>, end = '') => {
    if (why !== undefined) note(why);
    host.say(`$ moonbit-registry ${words.map(quote).join(' ')}${end}`);
  };
  return {
    note,
    async run(step) {
      show(step);
      let result = '';
      const code = await host.command(step.words, step.where, {
        env: step.token === undefined ? {} : { MOONBIT_REGISTRY_TOKEN: step.token },
        onResult: (text) => {
          result += text;
        },
      });
      host.throwIfInterrupted();
      if (code !== 0) throw new StepFailed(code);
      return result;
    },
    async serve(where, port) {
      const words = ['serve', '--port', String(port)];
      show({ words }, ' &');
      const stopping = new AbortController();
      let exitCode: Code | undefined;
      const ended = host.command(['--quiet', ...words], where, { signal: stopping.signal }).then((code) => {
        exitCode = code;
        return code;
      });
      const url = `http://localhost:${port}`;
      while (exitCode === undefined && !(await answers(`${url}/health`))) await sleep(50);
      host.throwIfInterrupted();
      if (exitCode !== undefined) throw new StepFailed(exitCode);
      return {
        ...{ url, ended },
        async stop() {
          stopping.abort();
          await ended;
        },
      };
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

function quote(word: string): string {
  return /^[\w@./:=+-]+$/.test(word) ? word : `"${word}"`;
}
