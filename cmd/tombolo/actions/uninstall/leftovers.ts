import { AFFINITY_MANAGER, GROUP, HEADLESS, HIDDEN, LABEL, NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import {
  type Cluster,
  CRD,
  CSR,
  ENDPOINT_SLICE,
  type EndpointSlice,
  keyOf,
  NAMESPACE,
  NODE,
  type Ref,
  ROLE_BINDING,
} from '#pkg/kube';
import { undefinedIfAbsent } from '../installed.ts';

/** Slices that service affinity keeps from proxies, and those that stand for them. */
const HIDDEN_SLICES = `${HEADLESS}=${HIDDEN}`;
const STAND_INS = `endpointslice.kubernetes.io/managed-by=${AFFINITY_MANAGER}`;

/** Prefix of every label and annotation of ours. */
const PREFIX = 'tombolo.io/';

/**
 * Removes what Helm does not know: CRDs with their objects, requests for certificates, bindings in namespaces, labels and
 * annotations on what belongs to others, and our namespace. Idempotent; waits for nothing.
 */
export async function removeLeftovers(cluster: Cluster, signal: AbortSignal): Promise<void> {
  await Promise.all([
    removeCrds(cluster, signal),
    removeCertificateRequests(cluster, signal),
    removeBindings(cluster, signal),
    stripNamespaces(cluster, signal),
    stripNodes(cluster, signal),
    restoreSlices(cluster, signal),
  ]);
  await cluster.client.delete(NAMESPACE, { name: SYSTEM_NAMESPACE }, { signal }).catch(undefinedIfAbsent);
}

/** What of ours is still there, in words; empty when the cluster is clean. */
export async function leftovers(cluster: Cluster, signal: AbortSignal): Promise<string[]> {
  const [crds, slices, namespace] = await Promise.all([
    ourCrds(cluster, signal),
    Promise.all([HIDDEN_SLICES, STAND_INS].map((selector) => slicesBy(cluster, selector, signal))),
    cluster.client.get(NAMESPACE, { name: SYSTEM_NAMESPACE }, { signal }).catch(undefinedIfAbsent),
  ]);
  return [
    ...crds.map((name) => `CRD ${name}`),
    ...slices.flat().map((slice) => `EndpointSlice ${keyOf(slice)}`),
    ...(namespace === undefined ? [] : [`namespace ${SYSTEM_NAMESPACE}`]),
  ];
}

async function ourCrds(cluster: Cluster, signal: AbortSignal): Promise<string[]> {
  const { items } = await cluster.client.list(CRD, {}, { signal });
  return items.filter((crd) => crd.spec?.group === GROUP).map((crd) => crd.metadata.name);
}

async function removeCrds(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const names = await ourCrds(cluster, signal);
  await Promise.all(names.map((name) => cluster.client.delete(CRD, { name }, { signal }).catch(undefinedIfAbsent)));
}

/** Requests of our kubelet would go by themselves, an hour to a day later. */
async function removeCertificateRequests(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const requester = `system:serviceaccount:${SYSTEM_NAMESPACE}:${NAME.kubeletAccount}`;
  const { items } = await cluster.client.list(CSR, {}, { signal });
  const ours = items.filter((request) => request.spec?.username === requester);
  await Promise.all(
    ours.map(({ metadata }) =>
      cluster.client.delete(CSR, { name: metadata.name }, { signal }).catch(undefinedIfAbsent),
    ),
  );
}

/** Bindings to the roles of the chart that were made at run time, in namespaces of others. */
async function removeBindings(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const roles: readonly string[] = [NAME.reflectionClusterRole, NAME.twinClusterRole];
  const { items } = await cluster.client.list(ROLE_BINDING, {}, { signal });
  const ours = items.filter(({ roleRef }) => roleRef?.kind === 'ClusterRole' && roles.includes(roleRef.name));
  await Promise.all(
    ours.map(({ metadata: { name, namespace } }) =>
      cluster.client
        .delete(ROLE_BINDING, { name, ...(namespace !== undefined && { namespace }) }, { signal })
        .catch(undefinedIfAbsent),
    ),
  );
}

async function stripNamespaces(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const { items } = await cluster.client.list(NAMESPACE, {}, { signal });
  for (const { metadata } of items) {
    const body = withoutOurs(metadata);
    if (body === undefined || metadata.name === SYSTEM_NAMESPACE) continue;
    await cluster.client
      .patch(NAMESPACE, { name: metadata.name }, body, { type: 'merge', signal })
      .catch(undefinedIfAbsent);
  }
}

async function stripNodes(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const { items } = await cluster.client.list(NODE, { labelSelector: `!${LABEL.peer}` }, { signal });
  for (const { metadata } of items) {
    const body = withoutOurs(metadata);
    if (body === undefined) continue;
    await cluster.client.patch(NODE, { name: metadata.name }, body, { type: 'merge', signal }).catch(undefinedIfAbsent);
  }
}

/** After the chart, or its webhook would hide them again. What was hidden is seen before what stands for it goes. */
async function restoreSlices(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const body = { metadata: { labels: { [HEADLESS]: null } } };
  for (const slice of await slicesBy(cluster, HIDDEN_SLICES, signal)) {
    await cluster.client.patch(ENDPOINT_SLICE, refOf(slice), body, { type: 'merge', signal }).catch(undefinedIfAbsent);
  }
  for (const slice of await slicesBy(cluster, STAND_INS, signal)) {
    await cluster.client.delete(ENDPOINT_SLICE, refOf(slice), { signal }).catch(undefinedIfAbsent);
  }
}

async function slicesBy(cluster: Cluster, labelSelector: string, signal: AbortSignal): Promise<EndpointSlice[]> {
  return (await cluster.client.list(ENDPOINT_SLICE, { labelSelector }, { signal })).items;
}

function refOf({ metadata: { name, namespace } }: EndpointSlice): Ref {
  return { name, ...(namespace !== undefined && { namespace }) };
}

interface Marks {
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
}

/** A merge patch that takes our labels and annotations away; `undefined` where there are none. */
export function withoutOurs({ labels, annotations }: Marks): object | undefined {
  const nulls = (marks: Record<string, string> | undefined): Record<string, null> =>
    Object.fromEntries(Object.keys(marks ?? {}).flatMap((key) => (key.startsWith(PREFIX) ? [[key, null]] : [])));
  const metadata = { labels: nulls(labels), annotations: nulls(annotations) };
  const isEmpty = Object.keys(metadata.labels).length === 0 && Object.keys(metadata.annotations).length === 0;
  return isEmpty ? undefined : { metadata };
}
