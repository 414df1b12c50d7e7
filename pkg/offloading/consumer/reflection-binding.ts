import { LABEL, NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import { isNotFound, KubeError, type KubeClient, ROLE_BINDING, type RoleBinding } from '#pkg/kube';

const RBAC = 'rbac.authorization.k8s.io';

/** Lets our kubelet read Secrets and mint tokens in one offloaded namespace, and nowhere else (PEER-37). */
export function reflectionBinding(namespace: string): RoleBinding {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata: {
      name: NAME.reflectionClusterRole,
      namespace,
      labels: { [LABEL.component]: 'reflection', 'app.kubernetes.io/managed-by': 'tombolo' },
    },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: NAME.reflectionClusterRole },
    subjects: [{ kind: 'ServiceAccount', name: NAME.kubeletAccount, namespace: SYSTEM_NAMESPACE }],
  };
}

/** Makes the binding, or repairs it. A role reference cannot be changed, so a binding with another one is made anew. */
export async function ensureReflectionBinding(
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const wanted = reflectionBinding(namespace);
  const ref = { namespace, name: wanted.metadata.name };
  const standing = await client.get<RoleBinding>(ROLE_BINDING, ref, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (standing !== undefined && sameRole(standing, wanted)) {
    if (sameSubjects(standing, wanted)) return;
    await client.replace<RoleBinding>(ROLE_BINDING, { ...standing, subjects: wanted.subjects ?? [] }, { signal });
    return;
  }
  if (standing !== undefined) {
    const { uid } = standing.metadata;
    await client.delete(ROLE_BINDING, ref, { ...(uid !== undefined && { uid }), signal });
  }
  await client.create<RoleBinding>(ROLE_BINDING, wanted, { signal });
}

function sameRole(a: RoleBinding, b: RoleBinding): boolean {
  return a.roleRef.kind === b.roleRef.kind && a.roleRef.name === b.roleRef.name;
}

function sameSubjects(a: RoleBinding, b: RoleBinding): boolean {
  const text = ({ subjects = [] }: RoleBinding) =>
    subjects.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`).join();
  return text(a) === text(b);
}

/** Takes the right away. Nothing to do where the binding or its namespace is gone. */
export async function removeReflectionBinding(
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.delete(ROLE_BINDING, { namespace, name: NAME.reflectionClusterRole }, { signal });
  } catch (error) {
    if (!(error instanceof KubeError && error.isNotFound)) throw error;
  }
}
