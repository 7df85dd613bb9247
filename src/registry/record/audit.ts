import { join } from 'node:path';
import type { Checksum } from '../../model/checksum.ts';
import type { FindingFacts } from '../../model/finding.ts';
import type { ModuleName } from '../../model/module-name.ts';
import type { Version } from '../../model/version.ts';
import { createAppendLog } from '../../support/disk/append-log.ts';
import { storageErrorOf } from '../../support/disk/disk-errors.ts';
import { batches } from '../../support/flow/batches.ts';
import type { Log } from '../../support/log.ts';
import { toVisibleJson } from '../../support/visible-text.ts';

/** Who acts: a user of the operating system by a command. `serve` is a server, which acts by itself. */
export interface Actor {
  readonly user: string;
  /** Without the program's name, e.g. `source add`. */
  readonly command: string;
}

/** What `data/audit.jsonl` tells; every line has `time` and `actor` besides. Nothing here contains a credential. */
export type AuditEvent =
  | {
      readonly event: 'origin-decided';
      readonly module: ModuleName;
      readonly origin: string;
      readonly pinned: Pinned;
    }
  | {
      readonly event: 'origin-moved';
      readonly module: ModuleName;
      readonly from: string;
      readonly origin: string;
      readonly pinned: Pinned;
    }
  | {
      readonly event: 'versions-pinned';
      readonly module: ModuleName;
      readonly origin: string;
      readonly pinned: Pinned;
    }
  | ({ readonly event: 'conflict-found' | 'conflict-resolved' } & ConflictFacts)
  | ({ readonly event: 'conflict-kept' } & ConflictFacts)
  | {
      readonly event: 'name-accepted';
      readonly module: ModuleName;
    }
  | {
      readonly event: 'requirements-accepted';
      readonly module: ModuleName;
      readonly version: Version;
      readonly source: string;
      readonly from: string;
      readonly to: string;
    }
  | {
      readonly event: 'conflict-accepted';
      readonly module: ModuleName;
      readonly version?: Version;
      readonly source?: string;
      /** Checksums, or for a whole module its origins. */
      readonly from: string;
      readonly to: string;
    }
  /** An undecided name was given to the source it is mirrored from by name. */
  | {
      readonly event: 'name-decided';
      readonly module: ModuleName;
      readonly origin: string;
      readonly pattern: string;
    }
  | {
      readonly event: 'blocked';
      readonly module: ModuleName;
      /** Absent: all of them. */
      readonly version?: Version | undefined;
      readonly reason: string;
    }
  /** Taken back by whoever publishes it. */
  | {
      readonly event: 'withdrawn';
      readonly module: ModuleName;
      readonly version: Version;
      readonly reason: string;
    }
  | {
      readonly event: 'published';
      readonly module: ModuleName;
      readonly version: Version;
      readonly checksum: Checksum;
      /** Name of the token that it was published with. */
      readonly token: string;
      /** The person who answers for that. */
      readonly owner: string;
    }
  /** Served from `from` till then, and from here since. */
  | {
      readonly event: 'adopted';
      readonly module: ModuleName;
      readonly from: string;
      readonly versions: readonly Version[];
      readonly by: string;
    }
  | {
      readonly event: 'yanked' | 'unyanked';
      readonly module: ModuleName;
      readonly version: Version;
      /** What its users are told; of `unyanked` nothing. */
      readonly reason?: string | undefined;
      /** `user NAME`, or `token NAME`. */
      readonly by: string;
    }
  | { readonly event: 'unblocked'; readonly module: ModuleName; readonly version?: Version | undefined }
  | {
      readonly event: 'archive-fetched';
      readonly module: ModuleName;
      readonly version: Version;
      readonly source: string;
      readonly url: string;
      readonly checksum: Checksum;
      readonly bytes: number;
    }
  | {
      readonly event: 'archive-quarantined';
      readonly checksum: Checksum;
      /** What is wrong with it, in one sentence. */
      readonly reason: string;
    }
  /** The registry was made of a backup: what was done after `madeAt` is not in it. */
  | { readonly event: 'restored'; readonly state: string; readonly madeAt: string }
  | {
      readonly event: 'token-created' | 'token-revoked' | 'token-rotated';
      /** Its name. */
      readonly token: string;
      /** The person who answers for it. */
      readonly owner: string;
    }
  /** Sent to be published once somebody approves it. */
  | ({ readonly event: 'staged'; readonly token: string; readonly owner: string } & StagedFacts)
  | ({
      readonly event: 'staged-approved' | 'staged-rejected';
      /** Who decided: a token's owner, or a user of the operating system. */
      readonly by: string;
      /** The token that was done with; absent where it was done in the registry's directory. */
      readonly token?: string | undefined;
      readonly reason?: string | undefined;
    } & StagedFacts)
  | {
      readonly event: 'token-exchanged' | 'logged-in';
      /** What the token that was given for it is called. */
      readonly token: string;
      /** Name of the `[[access.oidc]]` entry by which it was given out. */
      readonly issuer: string;
    }
  /** All that the entry gave out until then. */
  | { readonly event: 'issuer-revoked'; readonly issuer: string }
  | { readonly event: 'config-changed' | 'config-reloaded'; readonly changes: readonly string[] };

interface StagedFacts {
  /** Under which it waits, or waited: which bytes it is about. */
  readonly id: Checksum;
  /** `company/core@1.2.0`, of each. */
  readonly versions: readonly string[];
}

/** Checksums by version, as far as they are new. */
type Pinned = Readonly<Record<string, Checksum>>;

export type ConflictFacts = Omit<FindingFacts, 'foundAt'>;

export interface Audit {
  /** Looks at some events at a time. Resolves when they are durable. Never rejects: a failure is logged once, and the work goes on. */
  record(events: Iterable<AuditEvent>): Promise<void>;
  /** Resolves when everything recorded is durable. */
  flush(): Promise<void>;
}

const auditFile = 'audit.jsonl';
const maxFileBytes = 16 * 1024 * 1024;
const keptFiles = 10;
const eventsAtOnce = 1000;

export interface AuditOptions {
  /** Absolute; exists, with its folder `locks`. */
  readonly dataDir: string;
  readonly actor: Actor;
  readonly log: Log;
  readonly now: () => Date;
  /** Whether people have been told of a failure already. */
  readonly isTold?: ((error: unknown) => boolean) | undefined;
}

/** Of whoever only looks: there is nothing to record. */
export const silentAudit: Audit = { record: async () => {}, flush: async () => {} };

/** The append-only record of what the registry did and was told, one JSON object a line. */
export function openAudit({ dataDir, actor, log, now, isTold }: AuditOptions): Audit {
  let lost: { readonly lines: number; readonly since: string } | undefined;
  const file = join(dataDir, auditFile);
  const lines = createAppendLog({
    file,
    lockFile: join(dataDir, 'locks', 'audit'),
    maxBytes: maxFileBytes,
    kept: keptFiles,
    onFailure(error, lines) {
      const { message, hint } = storageErrorOf(`write ${file}`, error);
      if (lost === undefined && !isTold?.(error))
        log.error(`${file} cannot be written, so nobody can tell later what happens now`, {
          ...{ error: message, hint, lost: lines },
        });
      lost = { lines: lines + (lost?.lines ?? 0), since: lost?.since ?? now().toISOString() };
    },
    onSuccess() {
      if (lost !== undefined)
        log.warn(`${file} can be written again; what happened meanwhile is not in it`, {
          lost: lost.lines,
          since: lost.since,
        });
      lost = undefined;
    },
  });
  const who = actor.command === 'serve' ? 'server' : `${actor.user}: ${actor.command}`;
  return {
    async record(events) {
      const time = now().toISOString();
      const format = ({ event, ...facts }: AuditEvent) =>
        toVisibleJson({ time, event, actor: who, ...facts });
      for (const batch of batches(events, eventsAtOnce)) await lines.append(batch.map(format));
    },
    flush: () => lines.flush(),
  };
}
