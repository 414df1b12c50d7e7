import { NAME, type ObjectMeta } from '#pkg/api';
import { type Cluster, CONFIG_MAP } from '#pkg/kube';
import { clusterInfoOf } from '#pkg/peering';
import type { TaskGroup } from '#pkg/runtime';

/** `host:port` of our peering endpoint, as the leader published it in ConfigMap `tombolo-cluster`. Empty until then. */
export function ownAddresses(home: Cluster, namespace: string, group: TaskGroup): () => readonly string[] {
  const maps = home.informer(CONFIG_MAP, { namespace, fieldSelector: `metadata.name=${NAME.clusterConfigMap}` });
  group.start('own addresses', (signal) => maps.run(signal));
  return () =>
    clusterInfoOf(maps.get(`${namespace}/${NAME.clusterConfigMap}` satisfies ObjectMeta['name']))?.addresses ?? [];
}
