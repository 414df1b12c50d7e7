import { ownRangesProblem } from '#network/ipam';
import type { ClusterNetwork } from '#pkg/api';

/** What is wrong with the ranges of this cluster, in a sentence; undefined where nothing is. */
export function problemOf({ spec }: ClusterNetwork): string | undefined {
  const named = (what: string, ranges: readonly string[] = []) => ranges.map((range) => ({ what, range }));
  return ownRangesProblem([
    ...named('pod range', spec.podRanges),
    ...named('service range', spec.serviceRanges),
    ...named('node range', spec.nodeRanges),
    ...named('anchor range', [spec.anchorRange]),
  ]);
}
