import { setMaxListeners } from 'node:events';
import { constants, setPriority } from 'node:os';

export interface ClientsSettings {
  readonly url: string;
  /** Each is asked for by a client of its own. */
  readonly paths: readonly string[];
  /** How long they wait; Infinity is no JSON. */
  readonly seconds: number | 'until answered';
}

/** Clients that want what a hostile source has. Prints the statuses of the answers that came, as JSON. */
export async function askAsClients({ url, paths, seconds }: ClientsSettings): Promise<void> {
  // In the field they are other machines.
  setPriority(constants.priority.PRIORITY_LOW);
  const leaving = new AbortController();
  setMaxListeners(0, leaving.signal);
  if (seconds !== 'until answered') setTimeout(() => leaving.abort(), seconds * 1000);
  const statuses = await Promise.all(paths.map((path) => ask(url + path, leaving.signal)));
  console.log(JSON.stringify(statuses.filter((status) => status !== undefined)));
  process.exit();
}

/** The status of an answer whose bytes nobody keeps; none, once it is not waited for any more. */
async function ask(url: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const answer = await fetch(url, { signal });
    for await (const _ of answer.body ?? []);
    return answer.status;
  } catch (error) {
    if (!signal.aborted) throw error;
    return undefined;
  }
}
