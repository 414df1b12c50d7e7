import { ownRangesProblem } from '#network/ipam';
import type { ClusterNetwork } from '#pkg/api';

/** What is wrong with the ranges of this cluster, in a sentence; undefined where nothing is. */
export function problemOf({ spec }: ClusterNetwork): string | undefined {
  return ownRangesProblem(spec);
}
