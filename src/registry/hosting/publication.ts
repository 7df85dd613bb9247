import type { Publication as PublishedBy } from '../../index/publishers-file.ts';
import type { Checksum } from '../../model/checksum.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import type { ModuleManifest } from './check-manifest.ts';
import type { PublishOutcome } from './publish-outcome.ts';

/** Whose token something is done with. */
export interface Publisher {
  /** The token's name. */
  readonly token: string;
  /** The person who answers for it. */
  readonly owner: string;
  /** Which machine it is, as its issuer says. */
  readonly oidc?: PublishedBy['oidc'];
}

/** An archive that may be published as far as it can tell by itself. */
export interface CheckedUpload {
  readonly manifest: ModuleManifest;
  readonly checksum: Checksum;
}

/** What is published together: all of it, or nothing. */
export interface Publication {
  readonly uploads: readonly CheckedUpload[];
  readonly by: Publisher;
}

/** Why somebody may not publish a version with these bytes; `undefined` if they may. */
export type JudgePublisher = (
  module: ModuleName,
  version: Version,
  checksum: Checksum,
) => PublishOutcome | undefined;
