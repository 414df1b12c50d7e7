import type { Pod } from '#pkg/kube';

/** `/pods`: every pod of the node, as a v1 PodList. */
export function podList(pods: readonly Pod[]): object {
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: pods };
}

/** `/runningpods`: what runs now, reduced to identity and containers, as a kubelet answers it. */
export function runningPodList(pods: readonly Pod[]): object {
  const items = pods
    .filter((pod) => pod.status?.phase === 'Running')
    .map((pod) => ({
      metadata: { name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid },
      spec: {
        containers: (pod.status?.containerStatuses ?? [])
          .filter((status) => status.state?.running !== undefined)
          .map(({ name, imageID }) => ({ name, image: imageID, resources: {} })),
      },
      status: {},
    }));
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
}
