import type { SourceConfig } from '../config/config.ts';
import { absent, found, type Lookup, unavailable } from '../model/lookup.ts';
import { type ModuleName, ownerOf, restOf } from '../model/module-name.ts';
import type { Version } from '../model/version.ts';
import type { HttpResponse } from '../support/fetch-http.ts';
import { showUrl } from '../support/redact.ts';
import {
  type AddressForm,
  archiveAddresses,
  encodeSegment,
  fillPattern,
  resolvePattern,
} from './archive-address.ts';
import { askHttp, type HttpAsker, isWebPage } from './http-answer.ts';
import { openFileBelow } from './open-file.ts';
import type { OpenedBody } from './source.ts';

export interface OpenContext extends HttpAsker {
  readonly config: SourceConfig;
}

export interface OpenedArchive {
  readonly result: Lookup<OpenedBody>;
  /** The form of address that it was found at. */
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
  const tried: string[] = [];
  for (const { form, url } of archiveAddresses(context.config, module, version, first)) {
    const result = await openUrl(context, url, signal);
    if (result.kind !== 'absent') return { result, form };
    tried.push(result.detail);
  }
  return { result: absent(tried.join('; ')), form: undefined };
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
  return answer.kind === 'not-modified' ? found('notModified') : toBody(url, answer);
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
  const tried: string[] = [];
  for (const [base, folder] of [
    [context.config.downloadUrl, 'prebuild'],
    [context.config.url, 'assets'],
  ] as const) {
    const result = isFileUrl(base)
      ? await openFileBelow(base, [`${folder}/${assetPath}`])
      : await openUrl(context, `${base}/${folder}/${parts.map(encodeAssetPart).join('/')}`, signal);
    if (result.kind !== 'absent') return result;
    tried.push(result.detail);
  }
  return absent(tried.join('; '));
}

// Clients send the "@" of MODULE@VERSION as it is; "+" must be encoded, as some stores read it as a space.
function encodeAssetPart(part: string): string {
  return encodeSegment(part).replaceAll('%40', '@');
}

async function openUrl(context: OpenContext, url: string, signal: AbortSignal): Promise<Lookup<OpenedBody>> {
  return toBody(url, await askHttp(context, { url, signal }));
}

function toBody(url: string, answer: Awaited<ReturnType<typeof askHttp>>): Lookup<OpenedBody> {
  switch (answer.kind) {
    case 'failed':
      return unavailable(answer.cause);
    case 'missing':
      return absent(`${showUrl(url)}: HTTP ${answer.status}`);
    case 'not-modified':
      return unavailable({ reason: 'bad-answer', detail: `${showUrl(url)}: HTTP 304 without being asked` });
    case 'ok':
      return openResponse(url, answer.response);
  }
}

function openResponse(url: string, response: HttpResponse): Lookup<OpenedBody> {
  if (isWebPage(response)) {
    response.discard();
    return unavailable({
      reason: 'bad-answer',
      detail: `${showUrl(url)}: a web page instead of a file`,
      status: 200,
    });
  }
  const length = response.headers['content-length'];
  return found({
    body: response.body,
    sizeBytes: length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined,
    etag: response.headers.etag,
    url: showUrl(response.url),
  });
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
