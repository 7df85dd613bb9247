/** What waits for approval, as it is told over the wire, and to the operator with what is of this machine besides. */
import type { StagingDecision } from '../../../index/staged-file.ts';
import { parseJson } from '../../../support/parse-json.ts';
import type { StagedFacts, StagedModuleFacts } from './staged-facts.ts';
import type { StagedDetails, StagedModule, StagedPublication } from './staging.ts';

/** Nothing that is not named here; of this machine no user and no path, unless `isOperator`. */
export function describeStaged(staged: StagedPublication, isOperator = false): StagedFacts {
  const { id, versions, token, owner, oidc, at, expiresAt, decision } = staged;
  return {
    id,
    versions: versions.map(({ module, version, checksum, sizeBytes }) => ({
      ...{ module, version, checksum, sizeBytes },
    })),
    ...{ token, owner, at, expiresAt },
    ...(oidc && { oidc }),
    ...(decision && { decision: describeDecision(decision, isOperator) }),
  };
}

export function describeContents(details: StagedDetails, isOperator = false): StagedFacts {
  const modules = details.modules.map((one) => describeModule(one, isOperator));
  return { ...describeStaged(details, isOperator), modules };
}

function describeDecision({ kind, at, by, token, reason }: StagingDecision, isOperator: boolean) {
  const isTold = by !== undefined && (isOperator || token !== undefined);
  return {
    ...{ kind, at },
    ...(isTold ? { by } : {}),
    ...(token === undefined ? {} : { token }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function describeModule(shown: StagedModule, isOperator: boolean): StagedModuleFacts {
  const { module, version, checksum, sizeBytes, archive, files, manifest, problems, previous } = shown;
  return {
    ...{ module, version, checksum, sizeBytes },
    ...(isOperator ? { archive } : {}),
    files: files.map((file) => ({ path: file.path, sizeBytes: file.sizeBytes })),
    manifest: parseJson(manifest),
    problems,
    ...(previous && { previous }),
  };
}
