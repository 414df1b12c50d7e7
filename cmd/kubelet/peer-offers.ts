import { NO_OFFERS, type Offers, type VirtualNode } from '#pkg/api';
import type { Informer } from '#pkg/kube';
import type { OfferView } from '#reflectors/service';

/**
 * What one provider offers beside room for pods, as its grants say; all of them say the same, but may learn it one after
 * the other. Nothing, until one has answered. `virtualNodes` must be synced.
 */
export function peerOffers(virtualNodes: Pick<Informer<VirtualNode>, 'list' | 'on'>, peer: string): OfferView {
  const offers = (): Offers => {
    const mine = virtualNodes.list().filter(({ spec, status }) => spec.peer === peer && status?.offers !== undefined);
    const [first] = mine.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    return first?.status?.offers ?? NO_OFFERS;
  };
  return {
    offers,
    onOffers(handler) {
      let known = JSON.stringify(offers());
      return virtualNodes.on(() => {
        const now = JSON.stringify(offers());
        if (now === known) return;
        known = now;
        handler();
      });
    },
  };
}
