import type { DiscoveredCluster } from '#pkg/api';

/** What is needed to ask a discovered cluster: where, and which key it must show there. */
export interface Found {
  readonly clusterName: string;
  /** 64 lower-case hex digits; whatever answers must prove it. */
  readonly fingerprint: string;
  /** `ADDRESS:PORT`, best first, of all its records; each was checked and may be dialled. */
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** The objects that it stands in. */
  readonly objects: readonly DiscoveredCluster[];
}

/**
 * The clusters that `wanted` can mean: the name of a cluster, the name of an object, or a fingerprint (whole, or its short
 * form with or without `-`). Several keys that claim one name are several results: only a fingerprint chooses. What is
 * stale, refused or this cluster itself is left out.
 */
export function findDiscovered(objects: readonly DiscoveredCluster[], wanted: string): Found[] {
  const key = wanted.replaceAll('-', '').toLowerCase();
  const isKey = /^[0-9a-f]{16}([0-9a-f]{48})?$/.test(key);
  const meant = objects.filter(
    ({ metadata, spec }) =>
      metadata.name === wanted || spec.clusterName === wanted || (isKey && spec.fingerprint.startsWith(key)),
  );
  const usable = meant.filter(({ status }) => status?.state === 'Available' || status?.state === 'Conflict');
  const byKey = Map.groupBy(usable, ({ spec }) => `${spec.clusterName} ${spec.fingerprint}`);
  return [...byKey.values()].map(found);
}

function found(objects: readonly DiscoveredCluster[]): Found {
  const [{ spec }] = objects as [DiscoveredCluster]; // a group is never empty
  return {
    clusterName: spec.clusterName,
    fingerprint: spec.fingerprint,
    addresses: [...new Set(objects.flatMap(({ status }) => status?.addresses ?? []))].slice(0, 16),
    labels: Object.assign({}, ...objects.map((object) => object.spec.labels ?? {})),
    objects,
  };
}
