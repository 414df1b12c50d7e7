/** The built-in resources that Tombolo works with. */
import { defineResource } from './resource.ts';
import type * as kinds from './types.ts';

const core = { group: '', version: 'v1' } as const;
const apps = { group: 'apps', version: 'v1' } as const;
const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1' } as const;
const admission = { group: 'admissionregistration.k8s.io', version: 'v1' } as const;

export const POD = defineResource<kinds.Pod>({ ...core, plural: 'pods', kind: 'Pod', namespaced: true });
export const NODE = defineResource<kinds.Node>({ ...core, plural: 'nodes', kind: 'Node', namespaced: false });
export const NAMESPACE = defineResource<kinds.Namespace>({
  ...core,
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
});
export const CONFIG_MAP = defineResource<kinds.ConfigMap>({
  ...core,
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
});
export const SECRET = defineResource<kinds.Secret>({ ...core, plural: 'secrets', kind: 'Secret', namespaced: true });
export const SERVICE = defineResource<kinds.Service>({
  ...core,
  plural: 'services',
  kind: 'Service',
  namespaced: true,
});
export const SERVICE_ACCOUNT = defineResource<kinds.ServiceAccount>({
  ...core,
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
});
/** core/v1 Events: what `kubectl describe` shows. */
export const EVENT = defineResource<kinds.Event>({ ...core, plural: 'events', kind: 'Event', namespaced: true });
export const PVC = defineResource<kinds.PersistentVolumeClaim>({
  ...core,
  plural: 'persistentvolumeclaims',
  kind: 'PersistentVolumeClaim',
  namespaced: true,
});
export const RESOURCE_QUOTA = defineResource<kinds.ResourceQuota>({
  ...core,
  plural: 'resourcequotas',
  kind: 'ResourceQuota',
  namespaced: true,
});
export const ENDPOINT_SLICE = defineResource<kinds.EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
});
export const REPLICA_SET = defineResource<kinds.ReplicaSet>({
  ...apps,
  plural: 'replicasets',
  kind: 'ReplicaSet',
  namespaced: true,
});
export const DAEMON_SET = defineResource<kinds.DaemonSet>({
  ...apps,
  plural: 'daemonsets',
  kind: 'DaemonSet',
  namespaced: true,
});
export const DEPLOYMENT = defineResource<kinds.Deployment>({
  ...apps,
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
});
export const STATEFUL_SET = defineResource<kinds.StatefulSet>({
  ...apps,
  plural: 'statefulsets',
  kind: 'StatefulSet',
  namespaced: true,
});
export const JOB = defineResource<kinds.Job>({
  group: 'batch',
  version: 'v1',
  plural: 'jobs',
  kind: 'Job',
  namespaced: true,
});
export const CRON_JOB = defineResource<kinds.CronJob>({
  group: 'batch',
  version: 'v1',
  plural: 'cronjobs',
  kind: 'CronJob',
  namespaced: true,
});
export const LEASE = defineResource<kinds.Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
});
export const ROLE = defineResource<kinds.Role>({ ...rbac, plural: 'roles', kind: 'Role', namespaced: true });
export const ROLE_BINDING = defineResource<kinds.RoleBinding>({
  ...rbac,
  plural: 'rolebindings',
  kind: 'RoleBinding',
  namespaced: true,
});
export const CLUSTER_ROLE = defineResource<kinds.ClusterRole>({
  ...rbac,
  plural: 'clusterroles',
  kind: 'ClusterRole',
  namespaced: false,
});
export const CLUSTER_ROLE_BINDING = defineResource<kinds.ClusterRoleBinding>({
  ...rbac,
  plural: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
  namespaced: false,
});
export const CSR = defineResource<kinds.CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  plural: 'certificatesigningrequests',
  kind: 'CertificateSigningRequest',
  namespaced: false,
});
export const MUTATING_WEBHOOK = defineResource<kinds.MutatingWebhookConfiguration>({
  ...admission,
  plural: 'mutatingwebhookconfigurations',
  kind: 'MutatingWebhookConfiguration',
  namespaced: false,
});
export const VALIDATING_WEBHOOK = defineResource<kinds.ValidatingWebhookConfiguration>({
  ...admission,
  plural: 'validatingwebhookconfigurations',
  kind: 'ValidatingWebhookConfiguration',
  namespaced: false,
});
export const PDB = defineResource<kinds.PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  plural: 'poddisruptionbudgets',
  kind: 'PodDisruptionBudget',
  namespaced: true,
});
export const CRD = defineResource<kinds.CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
});
export const INGRESS = defineResource<kinds.Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'ingresses',
  kind: 'Ingress',
  namespaced: true,
});
export const NETWORK_POLICY = defineResource<kinds.NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'networkpolicies',
  kind: 'NetworkPolicy',
  namespaced: true,
});
export const STORAGE_CLASS = defineResource<kinds.StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  plural: 'storageclasses',
  kind: 'StorageClass',
  namespaced: false,
});
