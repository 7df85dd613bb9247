import * as v from 'valibot';
import { RegistryError } from '../../errors.ts';
import { type Answer, type AppRequest, json, type ProblemAnswer, problem } from '../../http/answer.ts';
import { answerEntity } from '../../http/entity.ts';
import { createBodyReader } from '../../http/request-body.ts';
import { isModuleName, type ModuleName } from '../../model/module-name.ts';
import { reasonProblem } from '../../model/reason.ts';
import { isVersion, type Version } from '../../model/version.ts';
import type { TokenHolder } from '../../registry/access/permissions.ts';
import type { YankOutcome } from '../../registry/hosting/yank.ts';
import type { Serving, Settings } from '../../registry/registry.ts';
import { parseJson } from '../../support/parse-json.ts';
import { toVisibleJson } from '../../support/visible-text.ts';
import type { Access, Caller, GuardedRoute } from '../access.ts';

type HostedRegistry = Settings & Pick<Serving, 'hosted' | 'stateCommit'>;

export interface HostedRouteOptions {
  readonly access: Pick<Access, 'judgeAct'>;
  readonly allBodiesBytes: number;
}

const bodyBytes = 16 * 1024;

const moduleName = v.custom<ModuleName>((text) => typeof text === 'string' && isModuleName(text));
const version = v.custom<Version>(isVersion);
const reason = v.pipe(
  v.string(),
  v.check((text) => reasonProblem(text) === undefined),
);
/** Unknown keys are refused: they might narrow what is meant. */
const yankRequest = v.union([
  v.strictObject({
    ...{ module: moduleName, version: v.optional(version), reason },
    yanked: v.optional(v.literal(true)),
  }),
  v.strictObject({ module: moduleName, version: v.optional(version), yanked: v.literal(false) }),
]);
const withdrawRequest = v.strictObject({ module: moduleName, version, reason });

/** What is decided about modules that are published here, by whoever has a token for that; and what was withdrawn. */
export function createHostedRoutes(registry: HostedRegistry, options: HostedRouteOptions): GuardedRoute[] {
  const bodies = createBodyReader({ bodyBytes, allBodiesBytes: options.allBodiesBytes });
  const post = (
    path: RegExp,
    handle: (document: unknown, caller: Caller) => Promise<Answer>,
  ): GuardedRoute => ({
    methods: ['POST'],
    pattern: path,
    need: () => ({ kind: 'own' }),
    handle: async (request, caller) =>
      refuseType(request) ??
      bodies.withBody(request, (bytes) => handle(parseJson(bytes.toString('utf8')), caller)),
  });
  return [
    post(/^\/api\/v0\/yank$/, (document, caller) => answerYank(registry, options, document, caller)),
    post(/^\/api\/v0\/withdraw$/, (document, caller) => answerWithdraw(registry, options, document, caller)),
    {
      methods: ['GET', 'HEAD'],
      pattern: /^\/api\/v0\/withdrawn$/,
      handle: (request) => answerWithdrawn(registry, request),
    },
  ];
}

function refuseType({ headers }: AppRequest): ProblemAnswer | undefined {
  const type = (headers['content-type'] ?? '').replace(/;.*$/s, '').trim().toLowerCase();
  return type === 'application/json'
    ? undefined
    : problem('unsupported-type', 'The body is not JSON.', { hint: 'send it as application/json' });
}

async function answerYank(
  { hosted }: HostedRegistry,
  { access }: HostedRouteOptions,
  document: unknown,
  caller: Caller,
): Promise<Answer> {
  const asked = v.safeParse(yankRequest, document);
  if (!asked.success)
    return problem('malformed', 'The body does not say what to yank.', {
      hint: 'send {"module": "OWNER/NAME", "version": "1.2.3", "reason": "…"}, or "yanked": false instead of the reason; without a version all that there are are meant',
    });
  const { module, version: named } = asked.output;
  const barred = access.judgeAct(caller, 'yank', module) ?? refuseOther(caller, module, named);
  if (barred) return barred;
  const said = 'reason' in asked.output ? asked.output.reason : undefined;
  const ruling = { module, version: named, reason: said };
  const outcome = await hosted.yank(ruling, nameOf(caller));
  return outcome.kind === 'done'
    ? json({ status: 'ok', versions: outcome.versions, changed: outcome.changed }, noStore)
    : describe(outcome, module);
}

const noStore = { 'Cache-Control': 'no-store' };

function describe(outcome: Exclude<YankOutcome, { kind: 'done' }>, module: ModuleName): ProblemAnswer {
  return outcome.kind === 'not-hosted'
    ? problem('absent', `${module} is not published here.`)
    : problem('absent', `${module} has no such version here.`, {
        hint: `there are ${outcome.versions.slice(-5).join(', ')}`,
      });
}

async function answerWithdraw(
  { hosted }: HostedRegistry,
  { access }: HostedRouteOptions,
  document: unknown,
  caller: Caller,
): Promise<Answer> {
  const asked = v.safeParse(withdrawRequest, document);
  if (!asked.success)
    return problem('malformed', 'The body does not say what to withdraw.', {
      hint: 'send {"module": "OWNER/NAME", "version": "1.2.3", "reason": "…"}',
    });
  const ruling = asked.output;
  const barred =
    access.judgeAct(caller, 'admin', ruling.module) ?? refuseOther(caller, ruling.module, ruling.version);
  if (barred) return barred;
  try {
    const { listed, left } = await hosted.withdraw(ruling, nameOf(caller));
    return json({ status: 'ok', listed, left }, noStore);
  } catch (error) {
    if (!(error instanceof RegistryError) || !(error.code === 'usage' || error.code === 'not-found'))
      throw error;
    return error.code === 'usage'
      ? problem('malformed', `${ruling.module}@${ruling.version} cannot be withdrawn here, or was already.`)
      : problem('absent', `${ruling.module}@${ruling.version} is not published here.`);
  }
}

/** A token that is for one version is for no other, nor for all. */
function refuseOther(
  { principal }: Caller,
  module: ModuleName,
  named: Version | undefined,
): ProblemAnswer | undefined {
  const only = principal.kind === 'token' ? principal.only : undefined;
  if (!only || (only.module === module && only.version === named)) return undefined;
  return problem('not-allowed', `This token is for ${only.module}@${only.version} alone.`);
}

function nameOf({ principal }: Caller): string {
  return `token ${(principal as TokenHolder).name}`;
}

/** For registries that take this one as a source, and for whoever keeps copies. */
async function answerWithdrawn(registry: HostedRegistry, request: AppRequest): Promise<Answer> {
  const etag = `withdrawn-${await registry.stateCommit()}`;
  const source = Buffer.from(`${toVisibleJson({ withdrawn: await registry.hosted.withdrawn() })}\n`);
  const headers = { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-cache' };
  return answerEntity(request, { etag, headers, sizeBytes: source.length, source });
}
