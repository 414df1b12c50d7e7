import { ANNOTATION, LABEL, NAME, offerAnnotations, type Offers } from '#pkg/api';
import type { ConfigMap, Namespace, ResourceQuota, RoleBinding } from '#pkg/kube';

/** Which namespace of which consumer a twin mirrors. */
export interface TwinOwner {
  /** As this provider calls it. */
  readonly consumer: string;
  readonly homeNamespace: string;
  readonly tenantNamespace: string;
}

/** Value of the component label. `retained`: it was a twin and was kept when offloading ended (REF-12). */
export const TWIN = 'twin';
export const RETAINED = 'retained';
export const POD_SECURITY = 'pod-security.kubernetes.io/enforce';

export type PodSecurityLevel = 'privileged' | 'baseline' | 'restricted';

/**
 * Bounds on what a tenant may keep in one twin, so that it cannot fill this cluster's etcd. Pods are bounded by the grant;
 * counting them here too would cost a write per pod.
 */
export const DEFAULT_OBJECT_LIMITS: Readonly<Record<string, number>> = {
  'count/configmaps': 2_000,
  // One per pod for its tokens, and those of applications.
  'count/secrets': 22_000,
  'count/services': 500,
  'count/persistentvolumeclaims': 500,
  'count/endpointslices.discovery.k8s.io': 5_000,
  'count/replicasets.apps': 20_000,
};

const MANAGED = { 'app.kubernetes.io/managed-by': 'tombolo' } as const;

export function twinLabels(consumer: string): Record<string, string> {
  return { ...MANAGED, [LABEL.origin]: consumer, [LABEL.component]: TWIN };
}

export function twinNamespace(name: string, owner: TwinOwner, level: PodSecurityLevel, offers: Offers): Namespace {
  const offered = Object.entries(offerAnnotations(offers)).filter(([, value]) => value !== undefined);
  return {
    metadata: {
      name,
      labels: { ...twinLabels(owner.consumer), [POD_SECURITY]: level },
      annotations: { ...Object.fromEntries(offered), [ANNOTATION.homeNamespace]: owner.homeNamespace },
    },
  };
}

/** How a standing namespace of that name relates to a claim. */
export type Standing = 'Ours' | 'Retained' | 'Foreign';

/** Only what we made for exactly this namespace of this consumer is ours; anything else is never touched (REF-09). */
export function standingOf(namespace: Namespace, owner: TwinOwner): Standing {
  const { labels, annotations } = namespace.metadata;
  const isFor =
    labels?.[LABEL.origin] === owner.consumer && annotations?.[ANNOTATION.homeNamespace] === owner.homeNamespace;
  if (!isFor) return 'Foreign';
  const component = labels?.[LABEL.component];
  if (component === TWIN) return 'Ours';
  return component === RETAINED ? 'Retained' : 'Foreign';
}

/** Owner of bare remote pods, so that `kubectl drain` needs no `--force` (kubernetes-facts 1). */
export function ownerConfigMap(namespace: string, owner: TwinOwner): ConfigMap {
  return {
    metadata: { name: NAME.twinOwner, namespace, labels: twinLabels(owner.consumer) },
    data: { homeNamespace: owner.homeNamespace, consumer: owner.consumer },
  };
}

export function twinQuota(
  namespace: string,
  consumer: string,
  limits: Readonly<Record<string, number>>,
): ResourceQuota {
  const hard = Object.fromEntries(Object.entries(limits).map(([name, limit]) => [name, String(limit)]));
  return { metadata: { name: NAME.twinOwner, namespace, labels: twinLabels(consumer) }, spec: { hard } };
}

/** The tenant's rights in its twin. */
export function twinBinding(namespace: string, owner: TwinOwner): RoleBinding {
  const apiGroup = 'rbac.authorization.k8s.io';
  return {
    metadata: { name: NAME.twinClusterRole, namespace, labels: twinLabels(owner.consumer) },
    roleRef: { apiGroup, kind: 'ClusterRole', name: NAME.twinClusterRole },
    subjects: [{ kind: 'ServiceAccount', name: NAME.tenantAccount, namespace: owner.tenantNamespace }],
  };
}
