import type { Answer } from '../../http/answer.ts';
import { type PublishOutcome, publishAnswer } from '../../registry/hosting/publish-outcome.ts';

/** An outcome in the official words, kept by nobody on the way. */
export function wireAnswer(outcome: PublishOutcome, more: Readonly<Record<string, string>> = {}): Answer {
  const { status, headers, body } = publishAnswer(outcome);
  return {
    kind: 'content',
    status,
    headers: { ...headers, ...more, 'Cache-Control': 'no-store' },
    body: Buffer.from(body),
  };
}
