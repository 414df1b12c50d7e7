import type { ClusterNetwork, Peer } from '#pkg/api';

/** Whether this cluster takes part in transit as far as that peer is concerned: neither says `Deny`. */
export function isTransitAllowed({ spec }: ClusterNetwork, peer: Peer): boolean {
  return spec.transit !== 'Deny' && peer.spec.transit !== 'Deny';
}
