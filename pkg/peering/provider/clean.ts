import {
  ANNOTATION,
  INVITE,
  type Invite,
  LABEL,
  NAME,
  NAMESPACE_CLAIM,
  type NamespaceClaim,
  PEERING_REQUEST,
  SYSTEM_NAMESPACE,
  tenantNamespace,
} from '#pkg/api';
import { KubeError, type KubeClient, NAMESPACE, type Namespace, ROLE_BINDING, SERVICE_ACCOUNT } from '#pkg/kube';
import { requestRef } from '../approval/request-state.ts';
import { unlessNotFound } from '../not-found.ts';
import { isTenantOf } from './tenant.ts';

/** What still exists of a consumer; nothing at all: it is clean. */
export interface Leftovers {
  /** In words, for the status: `twin namespaces shop-milan`. Empty when done. */
  readonly waitingFor: readonly string[];
}

/**
 * Takes away what `consumer` has here: rights first (they end within milliseconds, while tokens are remembered as valid
 * for ten seconds), then the account, then twins, then the tenant namespace. Each call does what is possible now; call
 * again until nothing is left. Namespaces that we did not make for it are not touched.
 */
export async function cleanTenant(client: KubeClient, consumer: string, signal: AbortSignal): Promise<Leftovers> {
  const namespaces = await namespacesOf(client, consumer, signal);
  const tenant = namespaces.find((namespace) => isTenantOf(namespace, consumer));
  const twins = namespaces.filter(isTwin);
  await endRights(client, consumer, twins, signal);
  if (tenant === undefined && twins.length === 0) return { waitingFor: [] };

  const claims = tenant === undefined ? [] : await endClaims(client, tenant.metadata.name, signal);
  if (claims.length > 0) return { waitingFor: [`twin namespaces ${claims.join(', ')}`] };
  const left = await endTwins(client, twins, signal);
  if (left.length > 0) return { waitingFor: [`twin namespaces ${left.join(', ')}`] };
  if (tenant === undefined) return { waitingFor: [] };
  await deleteNamespace(client, tenant, signal);
  return { waitingFor: [`tenant namespace ${tenant.metadata.name}`] };
}

/** Whether anything that `consumer` runs or asked for is here. */
export async function isTenantInUse(client: KubeClient, consumer: string, signal: AbortSignal): Promise<boolean> {
  const namespaces = await namespacesOf(client, consumer, signal);
  return namespaces.some(isTwin);
}

/** Invites that were used by a cluster that is no peer any more. */
export async function deleteInvitesOf(
  client: KubeClient,
  fingerprint: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { items } = await client.list<Invite>(INVITE, { namespace: SYSTEM_NAMESPACE }, { signal });
  for (const { metadata, status } of items) {
    if (fingerprint === undefined || status?.redeemedBy !== fingerprint) continue;
    await client.delete(INVITE, { namespace: SYSTEM_NAMESPACE, name: metadata.name }, { signal }).catch(unlessNotFound);
  }
}

/** The request of a cluster that is no peer any more: it has to ask anew. */
export async function deleteRequestOf(
  client: KubeClient,
  fingerprint: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (fingerprint === undefined) return;
  await client.delete(PEERING_REQUEST, requestRef(fingerprint), { signal }).catch(unlessNotFound);
}

async function namespacesOf(client: KubeClient, consumer: string, signal: AbortSignal): Promise<Namespace[]> {
  const { items } = await client.list<Namespace>(
    NAMESPACE,
    { labelSelector: `${LABEL.origin}=${consumer}` },
    { signal },
  );
  return items;
}

/** Twins name the namespace that they mirror; the tenant namespace does not. */
function isTwin(namespace: Namespace): boolean {
  return namespace.metadata.annotations?.[ANNOTATION.homeNamespace] !== undefined;
}

async function endRights(
  client: KubeClient,
  consumer: string,
  twins: readonly Namespace[],
  signal: AbortSignal,
): Promise<void> {
  const tenant = tenantNamespace(consumer);
  const bindings = [
    { namespace: tenant, name: NAME.tenantRole },
    ...twins.map(({ metadata }) => ({ namespace: metadata.name, name: NAME.twinClusterRole })),
  ];
  for (const ref of bindings) await client.delete(ROLE_BINDING, ref, { signal }).catch(unlessNotFound);
  await client
    .delete(SERVICE_ACCOUNT, { namespace: tenant, name: NAME.tenantAccount }, { signal })
    .catch(unlessNotFound);
}

/** Their finalizer removes the twins with everything in them; returns the names of those that still stand. */
async function endClaims(client: KubeClient, tenant: string, signal: AbortSignal): Promise<string[]> {
  const { items } = await client.list<NamespaceClaim>(NAMESPACE_CLAIM, { namespace: tenant }, { signal });
  for (const { metadata } of items) {
    if (metadata.deletionTimestamp !== undefined) continue;
    await client.delete(NAMESPACE_CLAIM, { namespace: tenant, name: metadata.name }, { signal }).catch(unlessNotFound);
  }
  return items.map((claim) => claim.status?.twin ?? claim.metadata.name);
}

/** Twins without a claim: kept ones lose our label, so that nothing of the peering is left on them. */
async function endTwins(client: KubeClient, twins: readonly Namespace[], signal: AbortSignal): Promise<string[]> {
  const left: string[] = [];
  for (const twin of twins) {
    if (twin.metadata.labels?.[LABEL.retain] === 'true') await disown(client, twin, signal);
    else {
      await deleteNamespace(client, twin, signal);
      left.push(twin.metadata.name);
    }
  }
  return left;
}

async function disown(client: KubeClient, twin: Namespace, signal: AbortSignal): Promise<void> {
  const { name, uid } = twin.metadata;
  const body = {
    metadata: {
      ...(uid === undefined ? {} : { uid }),
      labels: { [LABEL.origin]: null },
      annotations: { [ANNOTATION.homeNamespace]: null },
    },
  };
  await client.patch<Namespace>(NAMESPACE, { name }, body, { type: 'merge', signal }).catch(unlessNotFound);
}

async function deleteNamespace(client: KubeClient, { metadata }: Namespace, signal: AbortSignal): Promise<void> {
  if (metadata.deletionTimestamp !== undefined) return;
  const { name, uid } = metadata;
  await client
    .delete(NAMESPACE, { name }, { ...(uid === undefined ? {} : { uid }), signal })
    .catch((error: unknown) => {
      // Conflict: another namespace of that name has taken its place, and it is not ours.
      if (!(error instanceof KubeError && (error.isNotFound || error.isConflict))) throw error;
    });
}
