import { networkOf } from '../support/net/network-of.ts';

/** So many uploads at a time. A form may name its token last, so that whoever shows none in a header is known only at the end. */
export interface UploadPlaces {
  /** What gives the place back; `undefined` where none is free for them. `address` in the form of `parseAddress`. */
  take(asker: { readonly isKnown: boolean; readonly address: string }): (() => void) | undefined;
}

const all = 32;
/** Of those who are not known: however many of them are slow, as many places are left. */
const ofUnknown = 16;
const ofUnknownFromOneNetwork = 4;

export function createUploadPlaces(): UploadPlaces {
  let taken = 0;
  let byUnknown = 0;
  const byNetwork = new Map<string, number>();

  return {
    take({ isKnown, address }) {
      const network = networkOf(address);
      const ofNetwork = byNetwork.get(network) ?? 0;
      const isFull = !isKnown && (byUnknown >= ofUnknown || ofNetwork >= ofUnknownFromOneNetwork);
      if (taken >= all || isFull) return undefined;
      taken += 1;
      if (isKnown) return () => void (taken -= 1);
      byUnknown += 1;
      byNetwork.set(network, ofNetwork + 1);
      return () => {
        taken -= 1;
        byUnknown -= 1;
        const left = (byNetwork.get(network) ?? 1) - 1;
        if (left > 0) byNetwork.set(network, left);
        else byNetwork.delete(network);
      };
    },
  };
}
