import { type ProblemAnswer, problem } from '../../http/answer.ts';
import { toPhrase } from '../../http/phrase.ts';
import { hosted } from '../../model/hosted.ts';
import { type Missed, publicReason, type SourceFailure } from '../../model/lookup.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import type { ArchiveOutcome, BlockedArchive } from '../../registry/deliver/served-bytes.ts';
import { inSentence, shellLine } from '../../support/shell.ts';

/** Why an archive is refused to whoever asks, now and when they ask again at once. They stand in addresses: `/why/REASON/…`. */
export const refusalReasons = [
  'blocked',
  'withdrawn',
  'disabled',
  'no-credentials',
  'not-cached',
  'not-current',
  'gone',
  'lost',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

export interface Refusal {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  readonly module: ModuleName;
  readonly version: Version;
  /** All that `moon` shows of it beside the address: one line of ASCII. */
  readonly phrase: string;
  readonly text: string;
  /** What to do. */
  readonly hint: string;
  /** Until when it holds, where that is known; ISO 8601, UTC. */
  readonly until: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** For the log alone. */
  readonly cause: string | undefined;
}

/** What was asked for, and the source it is recorded for. */
export interface AskedArchive {
  readonly module: ModuleName;
  readonly version: Version;
  readonly origin: string | undefined;
}

/** The one place that says what is a refusal. The others come back as they are: nobody has it, or asking again at once may help. */
export function judgeOutcome(
  asked: AskedArchive,
  outcome: Exclude<ArchiveOutcome, { kind: 'found' }>,
): Refusal | Missed {
  const { module, version, origin } = asked;
  const subject = `${module}@${version}`;
  const facts = {
    kind: 'refused' as const,
    module,
    version,
    until: undefined,
    retryAfterMs: undefined,
    cause: undefined,
  };
  switch (outcome.kind) {
    case 'absent':
      return outcome;
    case 'blocked':
      return describeBlock(asked, outcome.block);
    case 'gone':
      return {
        ...{ ...facts, reason: 'gone', phrase: 'Gone: it has left the index of this registry' },
        text: `${subject}, which was first served here on ${outcome.firstSeen.slice(0, 10)}, has left the index: its source has deleted it, or may not supply it any more.`,
        hint: `require a version that /api/v0/manifest/${module} lists; ${operatorsLook(subject)} tells the operator more`,
      };
    case 'unavailable': {
      const { reason, detail, until, retryAfterMs } = outcome.cause;
      const words = reason === 'disabled' && origin === hosted ? lost : heldWords[reason];
      if (!words) return outcome;
      const source = origin === undefined || origin === hosted ? '' : ` (from source "${origin}")`;
      return {
        ...{ ...facts, ...words, until, retryAfterMs, cause: detail },
        text: `The archive of ${subject}${source} is not available now: ${words === lost ? 'it was published here, and its file is lost' : publicReason(reason)}.`,
      };
    }
  }
}

export function describeBlock(
  { module, version }: Pick<AskedArchive, 'module' | 'version'>,
  block: BlockedArchive['block'],
): Refusal {
  const subject = `${module}@${version}`;
  const facts = {
    ...{ kind: 'refused' as const, module, version },
    ...{ until: undefined, retryAfterMs: undefined, cause: undefined },
  };
  if (block.isWithdrawn)
    return {
      ...{ ...facts, reason: 'withdrawn', phrase: toPhrase(`Withdrawn: ${block.reason}`) },
      text: `${subject} was withdrawn by its publisher on ${block.at.slice(0, 10)}: ${block.reason}`,
      hint: `require another version: /api/v0/manifest/${module} lists them`,
    };
  const what = block.version === undefined ? `${subject}, like all of ${module},` : subject;
  return {
    ...{ ...facts, reason: 'blocked', phrase: toPhrase(`Blocked: ${block.reason}`) },
    text: `${what} is blocked here since ${block.at.slice(0, 10)}: ${block.reason}`,
    hint: `require another version, or ask whoever operates this registry: ${operatorsLook(subject)} tells them who decided it`,
  };
}

function operatorsLook(subject: string): string {
  return inSentence(shellLine`moonbit-registry explain ${subject}`);
}

type Words = Pick<Refusal, 'reason' | 'phrase' | 'hint'>;

/** Of what is published here nobody else has the bytes, but those who published it. */
const lost: Words = {
  reason: 'lost',
  phrase: 'Held: this registry has lost the file',
  hint: 'whoever published it may publish the same bytes again, which mends it; "moonbit-registry verify" tells whoever operates this registry which files are lost',
};

/** What holds an archive back. Other failures are of the moment, and clients ask again by themselves. */
const heldWords: Readonly<Partial<Record<SourceFailure['reason'], Words>>> = {
  disabled: {
    reason: 'disabled',
    phrase: 'Held: no source that is enabled supplies it',
    hint: 'ask whoever operates this registry to enable its source, or to mirror it while that is enabled',
  },
  'no-credentials': {
    reason: 'no-credentials',
    phrase: 'Held: this registry lacks the credentials for its source',
    hint: 'ask whoever operates this registry; "moonbit-registry doctor" tells them what is missing',
  },
  'not-cached': {
    reason: 'not-cached',
    phrase: 'Held: it is not cached, and nothing is fetched on demand here',
    hint: 'ask whoever operates this registry to run "moonbit-registry mirror" for it',
  },
  'not-current': {
    reason: 'not-current',
    phrase: 'Held: a source that may have it could not be read lately',
    hint: 'ask again later; "moonbit-registry status" tells whoever operates this registry which source that is',
  },
};

export function refusalProblem(refusal: Refusal): ProblemAnswer {
  const { reason, module, version, until, text, hint, phrase, cause, retryAfterMs } = refusal;
  return problem(reason, text, {
    ...{ hint, phrase, cause, retryAfterMs },
    members: { reason, module, version, until },
  });
}
