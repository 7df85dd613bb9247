import { createHash } from 'node:crypto';
import { IntegrityError, UnavailableError } from '../errors.ts';
import { readStagedFacts, type StagedFacts } from '../registry/hosting/staging/staged-facts.ts';
import { isRecord } from '../support/is-record.ts';
import type { HttpClient } from '../support/net/fetch-http.ts';
import { jsonBody } from '../support/net/json-body.ts';
import { askStaged, type StagedPlace, type StagedReply, stagedRefusal } from './staged-reader.ts';

/** What waits for approval at one registry. Each throws a `RegistryError` where that registry refuses, or cannot be asked. */
export interface StagedDesk {
  /** Also what was decided, as far as that is remembered. */
  list(): Promise<readonly StagedFacts[]>;
  /** With what is in it; throws `NotFoundError` where nothing waits under this id. */
  show(id: string): Promise<StagedFacts>;
  /** One of its archives, exactly as it would be published. */
  read(id: string, checksum: string): Promise<Buffer>;
  approve(id: string): Promise<void>;
  reject(id: string, reason: string): Promise<void>;
}

/** Of a registry over the wire. */
export function createStagedClient(http: HttpClient, place: StagedPlace, signal: AbortSignal): StagedDesk {
  const ask = async (doing: string, path: string, body?: object): Promise<StagedReply> => {
    const reply = await askStaged(http, place, path, signal, body && jsonBody(body));
    if (reply.status !== 200) throw stagedRefusal(reply, place, doing);
    return reply;
  };
  const strange = () =>
    new UnavailableError(`${place.registry} answers nothing that this program understands`, {
      hint: 'look whether that is the address of a registry, and which version it runs',
    });
  return {
    async list() {
      const { value } = await ask('list what waits', '');
      const listed = isRecord(value) && Array.isArray(value.staged) ? value.staged : undefined;
      const facts = listed?.map(readStagedFacts);
      if (!facts) throw strange();
      return facts.map((one) => {
        if (!one) throw strange();
        return one;
      });
    },
    async show(id) {
      const facts = readStagedFacts((await ask(`show ${id}`, `/${id}/contents`)).value);
      if (!facts) throw strange();
      return facts;
    },
    async read(id, checksum) {
      const { bytes } = await ask(`read an archive of ${id}`, `/${id}/archives/${checksum}`);
      if (createHash('sha256').update(bytes).digest('hex') === checksum) return bytes;
      throw new IntegrityError(`${place.registry} gives other bytes than those of ${checksum}`, {
        hint: 'approve nothing there before whoever operates it knows why',
      });
    },
    async approve(id) {
      await ask(`approve ${id}`, `/${id}/approve`, {});
    },
    async reject(id, reason) {
      await ask(`reject ${id}`, `/${id}/reject`, { reason });
    },
  };
}
