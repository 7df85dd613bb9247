import { expect, test } from 'vitest';
import { type PublishOutcome, publishAnswer } from './publish-outcome.ts';

test.each<[PublishOutcome, number, string]>([
  [{ kind: 'published' }, 200, '{"status":"ok"}'],
  [{ kind: 'already-published' }, 200, '{"status":"ok"}'],
  [
    { kind: 'dry-run', module: 'alice/json', version: '1.2.3' },
    202,
    '{"detail":"Dry run completed successfully. No changes were made. The dry-run was made for package alice/json version 1.2.3."}',
  ],
  [
    { kind: 'other-owner', owner: 'alice', user: 'bob' },
    403,
    `{"detail":"User mismatch: The username in the module config file (alice) does not match the authenticated user's username (bob)."}`,
  ],
  [
    { kind: 'version-exists', version: '1.2.3' },
    409,
    '{"detail":"Version Error: The version you are attempting to upload (1.2.3) is duplicated with an existing version (1.2.3). Please select a different version to publish."}',
  ],
])('%o is answered as by the official registry', (outcome, status, body) => {
  expect(publishAnswer(outcome)).toEqual({ status, headers: { 'content-type': 'application/json' }, body });
});

test.each<[PublishOutcome, number, string]>([
  [{ kind: 'bad-request', reason: 'unknown form field "dry"' }, 400, 'unknown form field "dry".'],
  [
    {
      kind: 'refused',
      problems: [
        { code: 'no-manifest', severity: 'error', text: 'it has no moon.mod' },
        { code: 'encrypted', severity: 'error', text: '"x" is encrypted' },
        { code: 'licence', severity: 'remark', text: 'not told' },
      ],
    },
    400,
    'This module cannot be published: it has no moon.mod; "x" is encrypted.',
  ],
  [
    { kind: 'not-higher', version: '1.0.0', highest: '1.1.0' },
    400,
    'Version Error: The version you are attempting to upload (1.0.0) is not higher than an existing version (1.1.0). Please select a higher version to publish.',
  ],
  [{ kind: 'unauthenticated' }, 401, 'Invalid token: log in again, or ask for a new token.'],
  [{ kind: 'not-allowed', reason: 'this token may only read' }, 403, 'this token may only read.'],
  [
    { kind: 'too-large', maxBytes: 1000 },
    413,
    'The archive has more than the 1000 bytes that may be published.',
  ],
  [{ kind: 'too-many-requests', retryAfterSeconds: 30 }, 429, 'Too many requests: try again in 30 seconds.'],
])('%o has a text of our own', (outcome, status, detail) => {
  const answer = publishAnswer(outcome);
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.body)).toEqual({ detail });
});

test('who has to wait, or to say who they are, is told how', () => {
  expect(publishAnswer({ kind: 'too-many-requests', retryAfterSeconds: 30 }).headers['retry-after']).toBe(
    '30',
  );
  expect(publishAnswer({ kind: 'unauthenticated' }).headers['www-authenticate']).toBe('Bearer');
});

test('nothing but a version that exists is answered by what release scripts take for one', () => {
  const outcomes: PublishOutcome[] = [
    { kind: 'not-higher', version: '1.0.0', highest: '1.1.0' },
    { kind: 'not-allowed', reason: 'no' },
    { kind: 'refused', problems: [] },
  ];
  for (const outcome of outcomes) {
    const { status, body } = publishAnswer(outcome);
    expect(status).not.toBe(409);
    expect(body).not.toContain('is duplicated with an existing version');
  }
});
