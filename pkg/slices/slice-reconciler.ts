import { ENDPOINT_SLICE, type EndpointSlice, type Informer, KubeError, type KubeClient, splitKey } from '#pkg/kube';
import { done, type Reconciler, requeueAfter } from '#pkg/runtime';
import { planSlice } from './plan-slice.ts';
import { type Consumer, renderedSliceName, renderSlice } from './render-slice.ts';

/** A cache that is behind, or an object of somebody else under that name, which may go at any time. */
const RETRY_MS = 2_000;

export interface SliceDeps {
  readonly client: KubeClient;
  /** Slices with label `tombolo.io/service-name`, of all namespaces. */
  readonly raw: Pick<Informer<EndpointSlice>, 'get'>;
  /** Slices managed by `SLICE_MANAGER`, of all namespaces. */
  readonly rendered: Pick<Informer<EndpointSlice>, 'get'>;
  /** Whose twin a namespace is; undefined for one that is none, or none any more. */
  consumerOf(namespace: string): Consumer | undefined;
  /** Whether proxies shall use none of the endpoints of that raw slice (NET-34). Undefined: not known yet, and the key comes again when it is. */
  isUnwanted(raw: EndpointSlice): boolean | undefined;
}

/** Keeps what is made from the slices of consumers. Key: that of the raw slice. One write at most, two where it is made anew. */
export function sliceReconciler({ client, raw, rendered, consumerOf, isUnwanted }: SliceDeps): Reconciler {
  return {
    name: 'slice',
    async reconcile(key, signal) {
      const { name, namespace = '' } = splitKey(key);
      const consumer = consumerOf(namespace);
      const given = raw.get(key);
      const isWanted = consumer !== undefined && given?.metadata.deletionTimestamp === undefined;
      const unwanted = isWanted && given !== undefined ? isUnwanted(given) : false;
      if (unwanted === undefined) return done;
      const wanted = isWanted && given !== undefined ? renderSlice(given, consumer, unwanted) : undefined;
      const standing = rendered.get(`${namespace}/${renderedSliceName(name)}`);
      try {
        await act(client, wanted, standing, signal);
        return done;
      } catch (error) {
        if (!(error instanceof KubeError)) throw error;
        if (error.isNotFound) return done; // gone meanwhile: the watch tells
        if (error.isConflict || error.isAlreadyExists) return requeueAfter(RETRY_MS);
        throw error;
      }
    },
  };
}

/** Key of the raw slice that `slice` was made from, or would be if it were one; undefined where nobody owns it. */
export function rawKeyOf({ metadata }: EndpointSlice): string | undefined {
  const owner = metadata.ownerReferences?.[0]?.name;
  return owner === undefined ? undefined : `${metadata.namespace}/${owner}`;
}

async function act(
  client: KubeClient,
  wanted: EndpointSlice | undefined,
  standing: EndpointSlice | undefined,
  signal: AbortSignal,
): Promise<void> {
  const step = planSlice(wanted, standing);
  if (standing !== undefined && (step === 'delete' || step === 'recreate')) await remove(client, standing, signal);
  if (wanted === undefined) return;
  if (step === 'create' || step === 'recreate')
    await client.create(ENDPOINT_SLICE, wanted, { metadataOnly: true, signal });
  if (step === 'replace') {
    // The version makes it a conflict instead of a change of something that was not looked at.
    const { resourceVersion } = standing?.metadata ?? {};
    const metadata = { ...wanted.metadata, ...(resourceVersion !== undefined && { resourceVersion }) };
    await client.replace(ENDPOINT_SLICE, { ...wanted, metadata }, { metadataOnly: true, signal });
  }
}

async function remove(client: KubeClient, { metadata }: EndpointSlice, signal: AbortSignal): Promise<void> {
  const { name, namespace, uid } = metadata;
  const ref = { name, ...(namespace !== undefined && { namespace }) };
  await client.delete(ENDPOINT_SLICE, ref, { ...(uid !== undefined && { uid }), signal });
}
