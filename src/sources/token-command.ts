import type { SecretPart } from '../config/config.ts';
import type { Environment } from '../support/environment.ts';
import { createSingleFlight } from '../support/flow/single-flight.ts';
import { type CommandResult, runCommand } from '../support/run-command.ts';
import { readTokenAnswer, type TokenAnswer } from './token-answer.ts';

/** Gives the token that a command prints, kept as long as it is good. */
export interface TokenCommand {
  /** `isRefused`: whoever was given the last one was turned away with it, so that it is asked for anew, but not again and again. */
  read(isRefused?: boolean): Promise<TokenAnswer>;
}

export type CommandPart = Extract<SecretPart, { readonly kind: 'command' }>;

export interface TokenCommandOptions {
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
  /** The time, in milliseconds since the epoch. */
  readonly now?: (() => number) | undefined;
  readonly run?: typeof runCommand | undefined;
}

const timeoutMs = 30_000;
const maxBytes = 16 * 1024;
/** A command that fails, or whose token is refused, is not run again for each of a thousand requests. */
const restMs = 10_000;

/** What a command needs to find itself, its user and the network; never the secrets of other sources. */
const passedOn =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|XDG_\w+|SSL_CERT_(?:FILE|DIR)|(?:https?|all|no)_proxy)$/i;

export function createTokenCommand(part: CommandPart, options: TokenCommandOptions): TokenCommand {
  const { env, signal, now = Date.now, run = runCommand } = options;
  const flights = createSingleFlight<'run', TokenAnswer>();
  let kept: { readonly answer: TokenAnswer; readonly ranAt: number; readonly until: number } | undefined;

  async function ask(): Promise<TokenAnswer> {
    const result = await run(part.words, {
      directory: part.directory,
      env: environmentFor(env),
      timeoutMs,
      maxBytes,
      signal,
    });
    const ranAt = now();
    const answer = toAnswer(result, ranAt);
    kept = { answer, ranAt, until: ranAt + (answer.kind === 'token' ? answer.lifeMs : restMs) };
    return answer;
  }

  return {
    read(isRefused = false) {
      const at = now();
      const isGood = kept !== undefined && at < kept.until && !(isRefused && at >= kept.ranAt + restMs);
      return kept !== undefined && isGood ? Promise.resolve(kept.answer) : flights.run('run', ask);
    },
  };
}

function toAnswer(result: CommandResult, now: number): TokenAnswer {
  if (result.kind === 'printed') return readTokenAnswer(result.bytes.toString(), now);
  return { kind: 'unusable', problem: `${result.problem}: run it by hand to see why` };
}

function environmentFor(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && passedOn.test(name) ? [[name, value] as const] : [],
    ),
  );
}
