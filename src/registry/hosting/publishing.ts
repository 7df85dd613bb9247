import type { Readable } from 'node:stream';
import type { ArchiveStore } from '../../archives/archive-store.ts';
import type { StagedArchives } from '../../archives/staged-archives.ts';
import { editHosted } from '../sync/aggregate.ts';
import type { SyncContext } from '../sync/sync-context.ts';
import type { ArchiveRules } from './archive-rules.ts';
import { checkBytes, rulesOf } from './check-upload.ts';
import { lookUpHosted } from './hosted-modules.ts';
import { judgeTogether } from './judge-together.ts';
import type { CheckedUpload, JudgePublisher, Publisher } from './publication.ts';
import { createPublicationEditor } from './publication-editor.ts';
import type { Judgement, PublishOutcome } from './publish-outcome.ts';
import { createPublishQueue } from './publish-queue.ts';
import { addStaged, type ToStage } from './staging/add-staged.ts';
import { createStaging } from './staging/create-staging.ts';
import type { Staging } from './staging/staging.ts';
import { receiveUpload, type Upload } from './upload.ts';

/** Takes archives in as versions of modules that are hosted here. */
export interface Publishing {
  /** Writes an archive to the disk to be looked at; `undefined` where it is larger than any that may be published. */
  receive(body: Readable): Promise<Upload | undefined>;
  /**
   * Publishes all of the uploads or none; whoever is told `published` or `already-published` finds them durable and listed, and `staged`
   * durable until somebody approves them. Uploads stay where they are. `judge` is asked of each. Rejects when our own disk fails.
   */
  publish(uploads: readonly Upload[], request: PublishRequest): Promise<PublishOutcome>;
}

interface PublishRequest {
  readonly by: Publisher;
  readonly judge: JudgePublisher;
  /** Find out only, and change nothing. */
  readonly isDryRun: boolean;
  /** They are to wait until somebody approves them; some names always do. */
  readonly isStaged: boolean;
}

export interface PublishingParts {
  readonly context: () => SyncContext;
  /** Where archives are kept for good: whatever else is kept free on the disk, they are stored. */
  readonly archives: Pick<ArchiveStore, 'store' | 'has' | 'read'>;
  /** Where they are kept until somebody approves them. */
  readonly staged: StagedArchives;
  /** A folder that is there. */
  readonly uploadFolder: string;
}

export function createPublishing(parts: PublishingParts): {
  readonly publishing: Publishing;
  readonly staging: Staging;
} {
  const { context, archives, staged, uploadFolder } = parts;
  const queue = createPublishQueue(async (publications) => {
    const { index, now } = context();
    const editor = createPublicationEditor(index, publications, now);
    await editHosted(context(), editor);
    return editor.outcomeOf;
  });

  const publishing: Publishing = {
    receive: (body) => receiveUpload(uploadFolder, body, context().config.hosting.maxArchiveBytes),
    async publish(uploads, { by, judge, isDryRun, isStaged }) {
      const { index, currentConfig } = context();
      const config = await currentConfig();
      const checked: CheckedUpload[] = [];
      for (const upload of uploads) {
        const found = await checkUpload(upload, judge, rulesOf(config));
        if ('kind' in found) return found;
        checked.push(found);
      }
      const publication = { uploads: checked, by };
      // What is refused leaves no bytes here.
      const modules = lookUpHosted(index, await index.state(), config);
      const [foreseen] = await judgeTogether([publication], modules, config.hosting);
      const outcome = foreseen?.outcome ?? nothingSent;
      // 200 to a dry run, also of what is published already, would be taken for a publish.
      if (isDryRun && mayGoOn.includes(outcome.kind)) return dryRunOf(checked);
      const stage = () => addStaged(context(), staged, withFiles(foreseen?.added ?? [], uploads), by);
      if (outcome.kind === 'needs-approval' || (outcome.kind === 'published' && isStaged)) return stage();
      if (outcome.kind !== 'published' && outcome.kind !== 'already-published') return outcome;
      // Of what was published before, the file may be lost.
      for (const upload of uploads)
        if (outcome.kind === 'published' || !(await archives.has(upload.checksum)))
          await archives.store(upload.checksum, upload.open(), { announcedBytes: upload.sizeBytes });
      if (outcome.kind !== 'published') return outcome;
      const real = await queue.publish(publication);
      return real.kind === 'needs-approval' ? stage() : real;
    },
  };
  return { publishing, staging: createStaging({ context, staged, archives, publish: queue.publish }) };
}

const mayGoOn: readonly Judgement['kind'][] = ['published', 'already-published', 'needs-approval'];

function withFiles(checked: readonly CheckedUpload[], uploads: readonly Upload[]): ToStage[] {
  return checked.flatMap((one) => {
    const upload = uploads.find(({ checksum }) => checksum === one.checksum);
    return upload ? [{ ...one, upload }] : [];
  });
}

const nothingSent: PublishOutcome = { kind: 'bad-request', reason: 'There is no archive to publish' };

async function checkUpload(
  upload: Upload,
  judge: JudgePublisher,
  rules: ArchiveRules,
): Promise<CheckedUpload | PublishOutcome> {
  const checked = await upload.withBytes((bytes) => checkBytes(bytes, upload.checksum, rules));
  if ('kind' in checked) return checked;
  return judge(checked.manifest.name, checked.manifest.version, checked.checksum) ?? checked;
}

/** The official text has room for one. */
function dryRunOf(uploads: readonly CheckedUpload[]): PublishOutcome {
  const [first] = uploads;
  if (!first) return nothingSent;
  return { kind: 'dry-run', module: first.manifest.name, version: first.manifest.version };
}
