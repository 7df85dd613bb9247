import type { SourceConfig } from '../config/config.ts';
import { absent, detailOf, found, type Lookup, type SourceFailure, unavailable } from '../model/lookup.ts';
import { type ModuleName, ownerOf, restOf } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import type { MonotonicClock } from '../support/flow/monotonic-clock.ts';
import type { HttpResponse } from '../support/net/http-request.ts';
import { showUrl } from '../support/redact.ts';
import {
  type AddressForm,
  archiveAddresses,
  encodeSegment,
  fillPattern,
  resolvePattern,
} from './archive-address.ts';
import { askHttp, type HttpAnswer, type HttpAsker, isWebPage } from './http-answer.ts';
import { openFileBelow } from './open-file.ts';
import { lengthOf, resumeBody } from './resumed-body.ts';
import type { OpenedBody } from './source.ts';

export interface OpenContext extends HttpAsker {
  readonly config: SourceConfig;
  /** Measures how fast bodies arrive. */
  readonly clock: Pick<MonotonicClock, 'now'>;
}

export interface OpenedArchive {
  readonly result: Lookup<OpenedBody>;
  /** The form of address at which the archive was found. */
  readonly form: AddressForm | undefined;
}

/** Opens one version's archive at the first address that has it; see `archiveAddresses` for the order. */
export async function openArchiveAt(
  context: OpenContext,
  module: ModuleName,
  version: Version,
  first: AddressForm,
  signal: AbortSignal,
): Promise<OpenedArchive> {
  if (isFileUrl(context.config.downloadUrl))
    return { result: await openArchiveFile(context.config, module, version), form: undefined };
  const addresses = archiveAddresses(context.config, module, version, first);
  let form: AddressForm | undefined;
  const result = await openFirst(addresses, (address) => {
    form = address.form;
    return openUrl(context, address.url, signal);
  });
  return { result, form };
}

/**
 * What the first place has that has it. Object stores refuse what they do not have where listing is not allowed, so a
 * place that refuses does not speak for the next one; but nor is anything absent then (rule 4).
 */
async function openFirst<P>(
  places: readonly P[],
  open: (place: P) => Promise<Lookup<OpenedBody>>,
): Promise<Lookup<OpenedBody>> {
  const tried: string[] = [];
  let refusal: SourceFailure | undefined;
  for (const place of places) {
    const result = await open(place);
    const isRefused = result.kind === 'unavailable' && result.cause.reason === 'unauthorized';
    if (result.kind === 'found' || (result.kind === 'unavailable' && !isRefused)) return result;
    if (result.kind === 'unavailable') refusal ??= result.cause;
    tried.push(detailOf(result));
  }
  const detail = tried.join('; ');
  return refusal ? unavailable({ ...refusal, detail }) : absent(detail);
}

/** Opens `symbols.zip` if it is other than what `etag` names. */
export async function openSymbolsAt(
  context: OpenContext,
  etag: string | undefined,
  signal: AbortSignal,
): Promise<Lookup<OpenedBody | 'notModified'>> {
  const { downloadUrl } = context.config;
  if (isFileUrl(downloadUrl)) return openFileBelow(downloadUrl, ['symbols.zip']);
  const headers: Record<string, string> = etag === undefined ? {} : { 'if-none-match': etag };
  const url = `${downloadUrl}/symbols.zip`;
  const answer = await askHttp(context, { url, headers, isSmall: true, signal });
  return answer.kind === 'not-modified'
    ? found('notModified')
    : toBody(url, answer, ({ body }) => ({ body }));
}

/** Opens a wasm asset at the two addresses clients know (moon-protocol §5). */
export async function openAssetAt(
  context: OpenContext,
  assetPath: string,
  signal: AbortSignal,
): Promise<Lookup<OpenedBody>> {
  const parts = assetPath.split('/');
  if (parts.some((part) => /^\.{0,2}$|[\\\u0000-\u001f]/.test(part)))
    return absent('no asset can have this path');
  const places = [
    [context.config.downloadUrl, 'prebuild'],
    [context.config.url, 'assets'],
  ] as const;
  return openFirst(places, ([base, folder]) =>
    isFileUrl(base)
      ? openFileBelow(base, [`${folder}/${assetPath}`])
      : openUrl(context, `${base}/${folder}/${parts.map(encodeAssetPart).join('/')}`, signal),
  );
}

// Clients send the "@" of MODULE@VERSION as it is; "+" must be encoded, as some stores read it as a space.
function encodeAssetPart(part: string): string {
  return encodeSegment(part).replaceAll('%40', '@');
}

async function openUrl(context: OpenContext, url: string, signal: AbortSignal): Promise<Lookup<OpenedBody>> {
  const ask = (headers: Readonly<Record<string, string>>) =>
    askHttp(context, { url, headers, hasLongBody: true, signal });
  return toBody(url, await ask({}), (response) =>
    resumeBody(response, { askAgain: ask, clock: context.clock }),
  );
}

function toBody(
  url: string,
  answer: HttpAnswer,
  read: (response: HttpResponse) => Pick<OpenedBody, 'body' | 'progress'>,
): Lookup<OpenedBody> {
  switch (answer.kind) {
    case 'failed':
      return unavailable(answer.cause);
    case 'missing':
      return absent(`${showUrl(url)}: HTTP ${answer.status}`);
    case 'not-modified':
      return unavailable({ reason: 'bad-answer', detail: `${showUrl(url)}: HTTP 304 without being asked` });
    case 'ok': {
      const { response } = answer;
      if (!isWebPage(response))
        return found({
          ...read(response),
          sizeBytes: lengthOf(response),
          etag: response.headers.etag,
          url: showUrl(response.url),
        });
      response.discard();
      return unavailable({
        reason: 'bad-answer',
        detail: `${showUrl(url)}: a web page instead of a file`,
        status: 200,
      });
    }
  }
}

function isFileUrl(url: string): boolean {
  return /^file:/i.test(url);
}

/** A folder keeps archives under plain names, or under the names that downloading their addresses gives. */
function openArchiveFile(
  config: SourceConfig,
  module: ModuleName,
  version: Version,
): Promise<Lookup<OpenedBody>> {
  const { downloadUrl, packageUrlPattern } = config;
  if (packageUrlPattern !== undefined) {
    const pattern = resolvePattern(downloadUrl, packageUrlPattern);
    const folder = pattern.slice(0, `${pattern}{`.indexOf('{')).replace(/[^/]*$/, '');
    const name = fillPattern(
      decodeURIComponent(pattern.slice(folder.length)),
      module,
      version,
      (text) => text,
    );
    return openFileBelow(folder, [name]);
  }
  const owner = ownerOf(module);
  const rest = restOf(module);
  const oneSegment = [owner, rest, version].map(encodeSegment).join('%2F');
  return openFileBelow(downloadUrl, [
    `user/${owner}/${rest}/${version}.zip`,
    `user/${encodeSegment(owner)}/${encodeSegment(rest)}/${encodeSegment(version)}.zip`,
    `user/${oneSegment}.zip`,
  ]);
}
