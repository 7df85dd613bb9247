import { type Answer, type AppRequest, json, type ProblemAnswer, problem } from '../../http/answer.ts';
import { toPhrase } from '../../http/phrase.ts';
import { createBodyReader } from '../../http/request-body.ts';
import type { Exchanged } from '../../registry/access/oidc/exchanged.ts';
import { longestIdentityToken } from '../../registry/access/oidc/identity-token.ts';
import type { EntryVerdict } from '../../registry/access/oidc/judge-claims.ts';
import { forMoon } from '../../registry/access/token-address.ts';
import type { Serving } from '../../registry/registry.ts';
import { parseJson } from '../../support/parse-json.ts';
import { type Access, type GuardedRoute, needsNothing, unauthorised } from '../access.ts';

/** A token, with what stands around it. */
const bodyBytes = longestIdentityToken + 1024;

export interface OidcRouteOptions {
  /** As in `BaseAddress`. */
  readonly baseUrl: () => string | undefined;
  readonly allBodiesBytes: number;
}

/** `/api/v0/oidc/…`: how people log in, and what they and machines get for showing who they are. */
export function createOidcRoutes(
  registry: Pick<Serving, 'access' | 'config'>,
  access: Pick<Access, 'countFailure'>,
  options: OidcRouteOptions,
): GuardedRoute[] {
  return [createLoginRoute(registry), createExchangeRoute(registry, access, options)];
}

/** `GET /api/v0/oidc/login`: where people log in, and as whose client. Asked by who has no token yet. */
function createLoginRoute(registry: Pick<Serving, 'config'>): GuardedRoute {
  return {
    methods: ['GET', 'HEAD'],
    pattern: /^\/api\/v0\/oidc\/login$/,
    need: () => needsNothing,
    async handle() {
      const logins = registry.config.access.oidc.filter(({ isLogin }) => isLogin);
      if (logins.length === 0)
        return problem('absent', 'Nobody logs in here.', {
          hint: 'whoever operates this registry says how in [[access.oidc]]: login = true',
        });
      return json({
        logins: logins.map(({ name, issuer, audience }) => ({ name, issuer, clientId: audience })),
      });
    },
  };
}

/** `POST /api/v0/oidc/exchange`: machines show whose they are, and get a token for a quarter of an hour; people one for longer. */
function createExchangeRoute(
  registry: Pick<Serving, 'access' | 'config'>,
  access: Pick<Access, 'countFailure'>,
  { baseUrl, allBodiesBytes }: OidcRouteOptions,
): GuardedRoute {
  const bodies = createBodyReader({ bodyBytes, allBodiesBytes });
  return {
    methods: ['POST'],
    pattern: /^\/api\/v0\/oidc\/exchange$/,
    // What is sent says who may.
    need: () => ({ kind: 'own' }),
    async handle(request) {
      if (registry.config.access.oidc.length === 0)
        return problem('absent', 'No identity tokens are exchanged here.', {
          hint: 'whoever operates this registry names whose in [[access.oidc]]',
        });
      return bodies.withBody(request, async (bytes) => {
        const text = readToken(request, bytes.toString('utf8'));
        if (typeof text !== 'string') return text;
        const exchanged = await registry.access.identities.exchange(text);
        if (exchanged.kind === 'issued') return issued(exchanged, baseUrl() ?? request.origin());
        const refusal = describe(exchanged);
        // That we cannot tell is no fault of whoever asks.
        return exchanged.kind === 'unavailable'
          ? refusal
          : (access.countFailure(request.client.address) ?? refusal);
      });
    },
  };
}

function readToken({ headers }: AppRequest, body: string): string | ProblemAnswer {
  const type = (headers['content-type'] ?? '').replace(/;.*$/s, '').trim().toLowerCase();
  const hint = 'send {"token": "…"} as application/json, or token=… as a form';
  if (type === 'application/json') {
    const sent = parseJson(body);
    const isSent = typeof sent === 'object' && sent !== null && 'token' in sent;
    if (isSent && typeof sent.token === 'string') return sent.token;
  } else if (type === 'application/x-www-form-urlencoded') {
    const sent = new URLSearchParams(body).getAll('token');
    // As a file has it that a shell has written.
    if (sent.length === 1) return (sent[0] ?? '').trim();
  } else return problem('unsupported-type', 'The body is neither JSON nor a form.', { hint });
  return problem('malformed', 'The body has no "token".', { hint });
}

function issued({ text, name, entry, endsAt }: Extract<Exchanged, { kind: 'issued' }>, url: string): Answer {
  const { grants } = entry;
  return json(
    { token: text, name, expiresAt: endsAt.toISOString(), grants, ...forMoon(text, grants, url) },
    { 'Cache-Control': 'no-store' },
  );
}

type Refused = Exclude<Exchanged, { kind: 'issued' }>;

/** What claims say is told to whoever has a token that its issuer has signed; what the settings ask for, to operators alone. */
function describe(exchanged: Refused): ProblemAnswer {
  switch (exchanged.kind) {
    case 'unavailable':
      return problem('busy', "The keys of this token's issuer cannot be read just now.", {
        cause: `keys of ${exchanged.issuer}: ${exchanged.why}`,
        retryAfterMs: 10_000,
      });
    case 'none':
      return {
        ...unauthorised('This is no identity token of an issuer that is trusted here.'),
        ...because(exchanged),
      };
    case 'other-time':
      return {
        ...unauthorised(`This token does not count now: it ${exchanged.why}.`),
        ...because(exchanged),
      };
    case 'used-before':
      return unauthorised(
        'This token was exchanged before, and each counts once: ask its issuer for another.',
      );
    case 'refused':
      return describeClaims(exchanged.verdicts);
  }
}

function because({ why }: { readonly why: string }) {
  return {
    cause: `the identity token ${why}`,
    hint: 'moonbit-registry oidc check says more to whoever operates this registry',
  };
}

function describeClaims(verdicts: readonly EntryVerdict[]): ProblemAnswer {
  // Of the entry that it comes nearest to; the first of several.
  const [nearest] = verdicts.toSorted((a, b) => a.failures.length - b.failures.length);
  const failures = nearest?.failures ?? [];
  const told = failures.map(({ claim, actual }) =>
    actual === undefined ? `${claim} (missing)` : `${claim} (${JSON.stringify(actual)})`,
  );
  const detail = `This token is not what this registry lets in: ${told.join(', ')}.`;
  const expected = failures.map((failure) => `${failure.claim}: ${failure.expected.join(' or ')}`);
  return problem('not-allowed', detail, {
    hint: 'ask whoever operates this registry what these claims have to say',
    cause: `[[access.oidc]] "${nearest?.entry.name}" expects ${expected.join('; ')}`,
    phrase: toPhrase(`Forbidden: ${detail.replace(/\.$/, '')}`),
    members: { claims: failures.map(({ claim }) => claim) },
  });
}
