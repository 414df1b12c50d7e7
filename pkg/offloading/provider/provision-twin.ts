import { offerAnnotations, type Offers } from '#pkg/api';
import {
  CONFIG_MAP,
  type ConfigMap,
  isNotFound,
  KubeError,
  type KubeClient,
  type KubeObject,
  NAMESPACE,
  type Namespace,
  type Ref,
  type Resource,
  RESOURCE_QUOTA,
  type ResourceQuota,
  ROLE_BINDING,
  type RoleBinding,
  SERVICE_ACCOUNT,
} from '#pkg/kube';
import {
  ownerConfigMap,
  POD_SECURITY,
  type PodSecurityLevel,
  standingOf,
  twinBinding,
  twinLabels,
  twinNamespace,
  type TwinOwner,
  twinQuota,
} from './twin-objects.ts';

export interface TwinOptions {
  /** What a twin enforces where its admin says nothing else; default baseline. */
  readonly podSecurityLevel: PodSecurityLevel;
  /** Hard limits of the ResourceQuota in each twin. */
  readonly objectLimits: Readonly<Record<string, number>>;
  /** What its tenant may use besides room for pods; the admission policies read it from the twin. */
  readonly offers: Offers;
}

export type Provisioned =
  | { readonly state: 'Accepted'; readonly ownerUid: string }
  | { readonly state: 'NameTaken' }
  /** Something that others make, or take away, is not done yet. */
  | { readonly state: 'Waiting'; readonly message: string };

const FIELD_MANAGER = 'tombolo-twin';

/**
 * Makes the twin and what belongs into it, or repairs it; idempotent. The tenant's rights come last, so a half-made twin
 * can be used by nobody. A namespace of that name which is not ours is neither changed nor described.
 */
export async function provisionTwin(
  client: KubeClient,
  name: string,
  owner: TwinOwner,
  options: TwinOptions,
  signal: AbortSignal,
): Promise<Provisioned> {
  const namespace = await ensureNamespace(client, name, owner, options, signal);
  if (namespace === undefined) return { state: 'NameTaken' };
  if (namespace.metadata.deletionTimestamp !== undefined) {
    return { state: 'Waiting', message: `waits until an earlier ${name} is gone` };
  }
  const parts: [Resource, string][] = [
    [SERVICE_ACCOUNT, 'default'],
    [CONFIG_MAP, 'kube-root-ca.crt'],
  ];
  for (const [resource, part] of parts) {
    // Pods that came earlier would be refused, or miss the CA (kubernetes-facts 4).
    if ((await read(client, resource, { namespace: name, name: part }, signal)) === undefined) {
      return { state: 'Waiting', message: `waits for ${resource.kind} ${part} in ${name}` };
    }
  }
  const configMap = await ensure<ConfigMap>(client, CONFIG_MAP, ownerConfigMap(name, owner), signal);
  await ensure<ResourceQuota>(client, RESOURCE_QUOTA, twinQuota(name, owner.consumer, options.objectLimits), signal);
  await ensureBinding(client, twinBinding(name, owner), signal);
  return { state: 'Accepted', ownerUid: configMap.metadata.uid ?? '' };
}

/** Undefined where the name is taken. Made by POST: an apply would adopt the namespace of somebody else. */
async function ensureNamespace(
  client: KubeClient,
  name: string,
  owner: TwinOwner,
  { podSecurityLevel, offers }: TwinOptions,
  signal: AbortSignal,
): Promise<Namespace | undefined> {
  const standing = await read<Namespace>(client, NAMESPACE, { name }, signal);
  if (standing === undefined) {
    try {
      return await client.create<Namespace>(NAMESPACE, twinNamespace(name, owner, podSecurityLevel, offers), {
        signal,
      });
    } catch (error) {
      if (error instanceof KubeError && error.isAlreadyExists) return undefined; // looked at again when it changes
      throw error;
    }
  }
  switch (standingOf(standing, owner)) {
    case 'Foreign':
      return undefined;
    case 'Retained':
      return await repair(
        client,
        standing,
        {
          labels: { ...twinLabels(owner.consumer), ...missingLevel(standing, podSecurityLevel) },
          annotations: otherOffers(standing, offers),
        },
        signal,
      );
    case 'Ours': {
      const labels = missingLevel(standing, podSecurityLevel);
      const annotations = otherOffers(standing, offers);
      const isRight = Object.keys({ ...labels, ...annotations }).length === 0;
      return isRight ? standing : await repair(client, standing, { labels, annotations }, signal);
    }
  }
}

/** The provider's admin may choose another level for one twin; none at all would let everything in (REF-11). */
function missingLevel(namespace: Namespace, level: PodSecurityLevel): Record<string, string> {
  return namespace.metadata.labels?.[POD_SECURITY] === undefined ? { [POD_SECURITY]: level } : {};
}

/** Annotations that say something else than what is offered now; null: has to go. */
function otherOffers({ metadata }: Namespace, offers: Offers): Record<string, string | null> {
  const wanted = Object.entries(offerAnnotations(offers));
  const other = wanted.filter(([key, value]) => metadata.annotations?.[key] !== value);
  return Object.fromEntries(other.map(([key, value]) => [key, value ?? null]));
}

async function repair(
  client: KubeClient,
  { metadata }: Namespace,
  changes: { readonly labels: Record<string, string>; readonly annotations: Record<string, string | null> },
  signal: AbortSignal,
): Promise<Namespace> {
  const body = { metadata: { uid: metadata.uid, ...changes } };
  return await client.patch<Namespace>(NAMESPACE, { name: metadata.name }, body, {
    type: 'merge',
    fieldManager: FIELD_MANAGER,
    signal,
  });
}

async function read<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  ref: Ref,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await client.get<T>(resource, ref, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Read first: a twin is looked at more often than it changes. An apply repairs fields of ours, and keeps those of others. */
async function ensure<T extends KubeObject & { spec?: unknown; data?: unknown }>(
  client: KubeClient,
  resource: Resource<T>,
  wanted: T,
  signal: AbortSignal,
): Promise<T> {
  const { name, namespace = '' } = wanted.metadata;
  const standing = await read(client, resource, { name, namespace }, signal);
  if (standing === undefined) return await client.create<T>(resource, wanted, { signal });
  const isSame =
    JSON.stringify([standing.spec, standing.data]) === JSON.stringify([wanted.spec, wanted.data]) &&
    Object.entries(wanted.metadata.labels ?? {}).every(([key, value]) => standing.metadata.labels?.[key] === value);
  if (isSame) return standing;
  const { labels } = wanted.metadata;
  const body = { metadata: { labels, uid: standing.metadata.uid }, ...pick(wanted) };
  return await client.patch<T>(resource, { name, namespace }, body, {
    type: 'merge',
    fieldManager: FIELD_MANAGER,
    signal,
  });
}

function pick({ spec, data }: { spec?: unknown; data?: unknown }): object {
  return { ...(spec !== undefined && { spec }), ...(data !== undefined && { data }) };
}

/** A role reference cannot be changed: a binding of that name with another one is made anew. */
async function ensureBinding(client: KubeClient, wanted: RoleBinding, signal: AbortSignal): Promise<void> {
  const { name, namespace = '' } = wanted.metadata;
  const standing = await read<RoleBinding>(client, ROLE_BINDING, { name, namespace }, signal);
  if (standing !== undefined) {
    const text = (binding: RoleBinding) =>
      JSON.stringify([
        binding.roleRef.kind,
        binding.roleRef.name,
        (binding.subjects ?? []).map((subject) => [subject.kind, subject.namespace, subject.name]),
      ]);
    if (text(standing) === text(wanted)) return;
    const { uid } = standing.metadata;
    await client.delete(ROLE_BINDING, { name, namespace }, { ...(uid !== undefined && { uid }), signal });
  }
  await client.create<RoleBinding>(ROLE_BINDING, wanted, { signal });
}
