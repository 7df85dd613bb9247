/** What is told of what waits for approval: nothing that is not named here, and no user or path of this machine. */
import type {
  StagedDetails,
  StagedModule,
  StagedPublication,
} from '../../registry/hosting/staging/staging.ts';
import { parseJson } from '../../support/parse-json.ts';

export function describeStaged(staged: StagedPublication) {
  const { id, versions, token, owner, oidc, at, expiresAt, decision } = staged;
  return {
    id,
    versions: versions.map(({ module, version, checksum, sizeBytes }) => ({
      ...{ module, version, checksum, sizeBytes },
    })),
    ...{ token, owner, at, expiresAt },
    ...(oidc && { oidc }),
    ...(decision && { decision: describeDecision(decision) }),
  };
}

export function describeContents(details: StagedDetails) {
  return { ...describeStaged(details), modules: details.modules.map(describeModule) };
}

function describeDecision({ kind, at, by, token, reason }: NonNullable<StagedPublication['decision']>) {
  const who = token === undefined ? {} : { by, token };
  return { kind, at, ...who, ...(reason === undefined ? {} : { reason }) };
}

function describeModule(shown: StagedModule) {
  const { module, version, checksum, sizeBytes, files, manifest, problems, previous } = shown;
  return {
    ...{ module, version, checksum, sizeBytes },
    files: files.map((file) => ({ path: file.path, sizeBytes: file.sizeBytes })),
    manifest: parseJson(manifest),
    problems,
    ...(previous && { previous }),
  };
}
