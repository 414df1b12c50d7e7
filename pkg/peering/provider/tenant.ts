import { GRANT, GROUP, LABEL, LINK, NAME, NAMESPACE_CLAIM, tenantNamespace } from '#pkg/api';
import {
  KubeError,
  type KubeClient,
  NAMESPACE,
  type Namespace,
  ROLE,
  ROLE_BINDING,
  type Role,
  type RoleBinding,
  SERVICE_ACCOUNT,
  type ServiceAccount,
} from '#pkg/kube';
import { PeeringError } from '../errors.ts';

const FIELD_MANAGER = 'tombolo-peering';
const RBAC = 'rbac.authorization.k8s.io';
/** Value of the component label on everything that belongs to a tenant and is not a twin. */
export const TENANT = 'tenant';

/** Labels of what we make for `consumer` outside of twins. */
function labelsOf(consumer: string): Record<string, string> {
  return { [LABEL.origin]: consumer, [LABEL.component]: TENANT, 'app.kubernetes.io/managed-by': 'tombolo' };
}

/**
 * All that a consumer may do before it has a twin (PEER-34): ask for grants and namespaces, tell its network, renew its own token. No
 * `status` subresource, so what was granted is the provider's word. In twins ClusterRole `tombolo-twin` counts.
 */
export function tenantRules(): NonNullable<Role['rules']> {
  const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
  return [
    { apiGroups: [GROUP], resources: [GRANT.plural, NAMESPACE_CLAIM.plural, LINK.plural], verbs },
    { apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: [NAME.tenantAccount], verbs: ['create'] },
    // How its pods ended that went while it was away.
    { apiGroups: [''], resources: ['configmaps'], resourceNames: [NAME.verdicts], verbs: ['get'] },
  ];
}

/**
 * Makes tenant namespace, account, role and binding of `consumer`, or repairs them. Idempotent; run again after any
 * interruption. Rights come last, so a half-made tenant can do nothing.
 * @throws PeeringError `NamespaceTaken` if a namespace of that name is not ours; `PeerBusy` while an earlier one goes
 */
export async function provisionTenant(client: KubeClient, consumer: string, signal: AbortSignal): Promise<void> {
  const namespace = tenantNamespace(consumer);
  await ensureNamespace(client, consumer, namespace, signal);
  const labels = labelsOf(consumer);
  const apply = { fieldManager: FIELD_MANAGER, force: true, signal };
  const account = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: NAME.tenantAccount, namespace, labels },
    automountServiceAccountToken: false,
  };
  const role = {
    apiVersion: `${RBAC}/v1`,
    kind: 'Role',
    metadata: { name: NAME.tenantRole, namespace, labels },
    rules: tenantRules(),
  };
  const binding = {
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata: { name: NAME.tenantRole, namespace, labels },
    roleRef: { apiGroup: RBAC, kind: 'Role', name: NAME.tenantRole },
    subjects: [{ kind: 'ServiceAccount', name: NAME.tenantAccount, namespace }],
  };
  await Promise.all([
    client.apply<ServiceAccount>(SERVICE_ACCOUNT, account, apply),
    client.apply<Role>(ROLE, role, apply),
  ]);
  await client.apply<RoleBinding>(ROLE_BINDING, binding, apply);
}

/** Created by POST: an apply would adopt a namespace of somebody else. */
async function ensureNamespace(client: KubeClient, consumer: string, name: string, signal: AbortSignal): Promise<void> {
  const labels = {
    ...labelsOf(consumer),
    // No pod ever runs here; the level says so.
    'pod-security.kubernetes.io/enforce': 'restricted',
  };
  try {
    await client.create<Namespace>(
      NAMESPACE,
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } },
      { signal },
    );
    return;
  } catch (error) {
    if (!(error instanceof KubeError && error.isAlreadyExists)) throw error;
  }
  const existing = await client.get<Namespace>(NAMESPACE, { name }, { signal });
  const facts = { attempted: `make the tenant namespace of ${consumer}`, where: `Namespace ${name}` };
  if (!isTenantOf(existing, consumer))
    throw new PeeringError('NamespaceTaken', { ...facts, why: 'it exists and is not ours' });
  if (existing.metadata.deletionTimestamp !== undefined) {
    throw new PeeringError('PeerBusy', { ...facts, why: 'the one of an earlier peering is still being removed' });
  }
}

/** Whether `namespace` is the tenant namespace that we made for `consumer`. */
export function isTenantOf(namespace: Namespace, consumer: string): boolean {
  const labels = namespace.metadata.labels;
  return labels?.[LABEL.origin] === consumer && labels[LABEL.component] === TENANT;
}

/** A new token of the tenant account. */
export interface TenantToken {
  readonly token: string;
  readonly lifetimeSeconds: number;
}

/** The API server refuses less than ten minutes. */
const MIN_LIFETIME_SECONDS = 600;
const DEFAULT_LIFETIME_SECONDS = 3600;

/**
 * TokenRequest for the tenant's account.
 * @param client of the provider's controller, or the consumer's with the account's own token: both may
 * @param lifetimeSeconds wish; the server may answer with another one
 */
export async function requestToken(
  client: KubeClient,
  namespace: string,
  lifetimeSeconds: number | undefined,
  signal: AbortSignal,
): Promise<TenantToken> {
  const expirationSeconds = Math.max(lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS, MIN_LIFETIME_SECONDS);
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds } };
  const ref = { namespace, name: NAME.tenantAccount };
  type Answer = ServiceAccount & { spec?: { expirationSeconds?: number }; status?: { token?: string } };
  const answer = await client.subresource<Answer>(SERVICE_ACCOUNT, ref, 'token', body, { signal });
  const token = answer.status?.token;
  if (token === undefined || token === '') {
    const where = `ServiceAccount ${namespace}/${NAME.tenantAccount}`;
    throw new PeeringError('UnexpectedAnswer', { attempted: 'request a token', where, why: 'the answer holds none' });
  }
  return { token, lifetimeSeconds: answer.spec?.expirationSeconds ?? expirationSeconds };
}
