import type { Peer } from '#pkg/api';

/** Who a peer is; undefined while it has not shown it. */
export function fingerprintOf({ spec, status }: Peer): string | undefined {
  return spec.fingerprint ?? status?.fingerprint;
}
