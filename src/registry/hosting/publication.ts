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
  /** Where somebody has looked at these bytes, and wants them published. */
  readonly approval?: Approval | undefined;
}

export interface Approval {
  /** Of what waits. */
  readonly id: Checksum;
  /** When that came; ISO 8601, UTC. */
  readonly stagedAt: string;
  readonly by: Approver;
}

/** Who decides about what waits. */
export type Approver =
  /** A user of the operating system, in the registry's directory. */
  | { readonly kind: 'operator'; readonly user: string }
  | { readonly kind: 'token'; readonly token: string; readonly owner: string };

/** The person. */
export function nameOfApprover(by: Approver): string {
  return by.kind === 'operator' ? by.user : by.owner;
}

/** Why somebody may not publish a version with these bytes; `undefined` if they may. */
export type JudgePublisher = (
  module: ModuleName,
  version: Version,
  checksum: Checksum,
) => PublishOutcome | undefined;
