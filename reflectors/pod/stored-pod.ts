import { ANNOTATION, LABEL } from '#pkg/api';
import type { ObjectMeta, Pod, ReplicaSet } from '#pkg/kube';
import { HOME_HASH } from './applied.ts';
import type { Interner } from './interner.ts';
import { type Container, omit, type PodSpec } from './pod-types.ts';
import { isTokenVolume, TOKEN_VOLUME } from './token-volume.ts';

/**
 * What stays in memory of a pod. With 3,000 pods on a node the process may hold 250 MB in all, so replicas share what is
 * equal in them, and of remote objects only that is kept which status, updates and removal read.
 */

/** Index of both pod caches, and of the wrappers: UID of the local pod. */
export const BY_POD_UID = 'podUid';

/** A local pod, whole. Its token volume gets a fixed name: the random one alone made every replica's spec differ. */
export function storedLocalPod(pod: Pod, interner: Interner): Pod {
  const { metadata, spec } = pod;
  if (metadata.labels !== undefined) metadata.labels = interner.share(metadata.labels);
  if (metadata.annotations !== undefined) metadata.annotations = interner.share(metadata.annotations);
  if (metadata.ownerReferences !== undefined) metadata.ownerReferences = interner.share(metadata.ownerReferences);
  if (spec !== undefined) pod.spec = shareSpec(withFixedTokenVolume(spec), interner);
  return pod;
}

/** A remote pod, reduced to metadata, status and what can be changed on a living pod. */
export function storedRemotePod(pod: Pod, interner: Interner): Pod {
  const { metadata, spec, status } = pod;
  const reduced = (container: Container): Container => {
    const { name, image, resources } = container;
    return { name, ...(image !== undefined && { image }), ...(resources !== undefined && { resources }) };
  };
  const kept: PodSpec = { containers: (spec?.containers ?? []).map(reduced) };
  if (spec?.initContainers !== undefined) kept.initContainers = spec.initContainers.map(reduced);
  if (spec?.ephemeralContainers !== undefined) {
    kept.ephemeralContainers = spec.ephemeralContainers.map(({ name }) => ({ name }));
  }
  for (const key of ['nodeName', 'tolerations', 'activeDeadlineSeconds', 'terminationGracePeriodSeconds'] as const) {
    if (spec?.[key] !== undefined) Object.assign(kept, { [key]: spec[key] });
  }
  const { annotations, labels, ...rest } = metadata;
  return {
    metadata: {
      ...rest,
      ...(labels !== undefined && { labels: interner.shareTexts(labels) }),
      ...(annotations !== undefined && { annotations: interner.shareTexts(annotations) }),
    },
    spec: shareSpec(kept, interner),
    ...(status !== undefined && { status: omit(status, ['qosClass']) }),
  };
}

/** A wrapper, reduced to what tells whose it is, what it was made from and why it has no pod. */
export function storedWrapper(wrapper: ReplicaSet): ReplicaSet {
  const { name, namespace, uid, resourceVersion, labels, annotations, deletionTimestamp } = wrapper.metadata;
  const homeHash = annotations?.[HOME_HASH];
  return {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(labels !== undefined && { labels }),
      ...(homeHash !== undefined && { annotations: { [HOME_HASH]: homeHash } }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    },
    status: { replicas: wrapper.status?.replicas ?? 0, conditions: wrapper.status?.conditions ?? [] },
  };
}

/** For the index {@link BY_POD_UID} of remote objects. */
export function podUidLabel(object: { metadata: { labels?: Record<string, string> } }): string[] {
  const uid = object.metadata.labels?.[LABEL.podUid];
  return uid === undefined ? [] : [uid];
}

/** Name of the local pod that a remote pod was made for; its own name may be one that a ReplicaSet made up. */
export function homeNameOf(remote: { readonly metadata: Pick<ObjectMeta, 'annotations' | 'name'> }): string {
  return remote.metadata.annotations?.[ANNOTATION.homeName] ?? remote.metadata.name;
}

function shareSpec(spec: PodSpec, interner: Interner): PodSpec {
  return Object.fromEntries(
    Object.entries(spec).map(([key, value]) => [key, interner.share(value)]),
  ) as unknown as PodSpec;
}

function withFixedTokenVolume(spec: PodSpec): PodSpec {
  const token = spec.volumes?.find((volume) => isTokenVolume(volume) && volume.name !== TOKEN_VOLUME);
  if (token === undefined) return spec;
  const container = <T extends Pick<Container, 'volumeMounts'>>(from: T): T =>
    from.volumeMounts === undefined
      ? from
      : {
          ...from,
          volumeMounts: from.volumeMounts.map((mount) =>
            mount.name === token.name ? { ...mount, name: TOKEN_VOLUME } : mount,
          ),
        };
  return {
    ...spec,
    containers: spec.containers.map(container),
    ...(spec.initContainers !== undefined && { initContainers: spec.initContainers.map(container) }),
    ...(spec.ephemeralContainers !== undefined && { ephemeralContainers: spec.ephemeralContainers.map(container) }),
    volumes: (spec.volumes ?? []).map((volume) => (volume === token ? { ...volume, name: TOKEN_VOLUME } : volume)),
  };
}
