/** What `oidc check` says of an identity token: to whoever operates the registry, so with what its settings ask for. */
import type { Examination } from '../registry/access/oidc/examine-identity.ts';
import type { ClaimFailure } from '../registry/access/oidc/judge-claims.ts';
import { describeMachine, machineName } from '../registry/access/oidc/machine-identity.ts';

interface IdentityReport {
  /** Whether the server would exchange it now, had it not been before. */
  readonly ok: boolean;
  /** Why it cannot count, as far as that is not a matter of claims. */
  readonly problem: string | null;
  /** The entry that lets it in: the first that fits. */
  readonly entry: string | null;
  /** What its holder is called. */
  readonly name: string | null;
  /** By the entries of its issuer. */
  readonly entries: readonly { readonly entry: string; readonly failures: readonly FailureText[] }[];
}

interface FailureText {
  readonly claim: string;
  readonly expected: readonly string[];
  /** `null` where it is not there, or no single value. */
  readonly actual: string | null;
}

export function identityReport(examined: Examination): IdentityReport {
  const nothing = { ok: false, entry: null, name: null, entries: [] };
  if (examined.kind === 'none') return { ...nothing, problem: `it ${examined.why}` };
  if (examined.kind === 'unavailable')
    return { ...nothing, problem: `the keys of ${examined.issuer} cannot be read: ${examined.why}` };
  const { token, times, verdicts } = examined;
  const entry = verdicts.find(({ failures }) => failures.length === 0)?.entry;
  return {
    ok: entry !== undefined && times.kind === 'current',
    problem: times.kind === 'current' ? null : `it ${times.why}`,
    entry: entry?.name ?? null,
    name: entry ? machineName(entry, describeMachine(token.claims, entry)) : null,
    entries: verdicts.map((verdict) => ({
      entry: verdict.entry.name,
      failures: verdict.failures.map(textOf),
    })),
  };
}

function textOf({ claim, expected, actual }: ClaimFailure): FailureText {
  return { claim, expected, actual: actual ?? null };
}

export function formatIdentityReport({ ok, problem, entry, name, entries }: IdentityReport): string {
  const title = ok
    ? `"${entry}" lets it in, as ${name}.`
    : `It is not let in${problem === null ? '' : `: ${problem}`}.`;
  return [title, ...entries.flatMap(({ entry: one, failures }) => describeEntry(one, failures))].join('\n');
}

function describeEntry(entry: string, failures: readonly FailureText[]): string[] {
  if (failures.length === 0) return [`  ${entry}: fits`];
  return [
    `  ${entry}: does not fit`,
    ...failures.map(
      ({ claim, expected, actual }) =>
        `    ${claim}: expected ${expected.map((one) => JSON.stringify(one)).join(' or ')}, ` +
        `${actual === null ? 'which it does not say' : `it says ${JSON.stringify(actual)}`}`,
    ),
  ];
}
