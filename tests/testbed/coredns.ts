import { createHash } from 'node:crypto';
import { type ClusterPlan, addressIn } from './address-plan.ts';
import type { ApiClient } from './api-client.ts';

const NAMESPACE = 'kube-system';
const LABELS = { 'k8s-app': 'kube-dns' };
const SELECTOR = { matchLabels: LABELS };

/**
 * The bed has no world outside: a name that is not of the cluster does not exist, and the answer comes at once. Two
 * server blocks, since `template` comes before `kubernetes` in the order of plugins whatever the order here.
 */
const COREFILE = `cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
    prometheus :9153
    reload
    loadbalance
}
.:53 {
    errors
    template ANY ANY {
        rcode NXDOMAIN
    }
}
`;

/** CoreDNS as clusters have it: Deployment, Service `kube-dns` on address 10 of the service range, RBAC. Idempotent. */
export async function applyCoreDns(api: ApiClient, cluster: ClusterPlan): Promise<void> {
  const named = { name: 'coredns', namespace: NAMESPACE };
  const core = `/api/v1/namespaces/${NAMESPACE}`;
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const role = { name: 'system:coredns' };
  await api.apply(`${core}/serviceaccounts/coredns`, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: named });
  await Promise.all([
    api.apply(`${core}/configmaps/coredns`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: named,
      data: { Corefile: COREFILE },
    }),
    api.apply(`${rbac}/clusterroles/${role.name}`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: role,
      rules: [
        { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      ],
    }),
    api.apply(`${rbac}/clusterrolebindings/${role.name}`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: role,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role.name },
      subjects: [{ kind: 'ServiceAccount', ...named }],
    }),
    api.apply(`${core}/services/kube-dns`, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: NAMESPACE, labels: LABELS },
      spec: {
        clusterIP: addressIn(cluster.serviceRange, 10),
        selector: LABELS,
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, protocol: 'TCP' },
          { name: 'metrics', port: 9153, protocol: 'TCP' },
        ],
      },
    }),
  ]);
  await api.apply(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments/coredns`, deployment(named));
}

function deployment(named: { name: string; namespace: string }): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...named, labels: LABELS },
    spec: {
      replicas: 1,
      selector: SELECTOR,
      template: {
        metadata: {
          labels: LABELS,
          // A pod that crashes over its configuration does not see that it was corrected.
          annotations: { 'tombolo.test/config': createHash('sha256').update(COREFILE).digest('hex').slice(0, 16) },
        },
        spec: {
          serviceAccountName: named.name,
          priorityClassName: 'system-cluster-critical',
          // A pod on a kwok node would only pretend to answer.
          nodeSelector: { 'tombolo.test/real': 'true' },
          tolerations: [{ key: 'CriticalAddonsOnly', operator: 'Exists' }],
          dnsPolicy: 'Default',
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'coredns',
              image: 'tombolo.test/coredns:1',
              imagePullPolicy: 'IfNotPresent',
              args: ['-conf', '/etc/coredns/Corefile'],
              volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
              resources: { requests: { cpu: '50m', memory: '70Mi' }, limits: { memory: '170Mi' } },
              ports: [
                { containerPort: 53, name: 'dns', protocol: 'UDP' },
                { containerPort: 53, name: 'dns-tcp', protocol: 'TCP' },
                { containerPort: 9153, name: 'metrics', protocol: 'TCP' },
              ],
              readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1 },
              livenessProbe: { httpGet: { path: '/health', port: 8080 }, timeoutSeconds: 5, failureThreshold: 6 },
            },
          ],
          volumes: [{ name: 'config', configMap: { name: 'coredns' } }],
        },
      },
    },
  };
}

/** What is missing until names resolve, undefined when nothing is. */
export async function missingCoreDns(api: ApiClient): Promise<string | undefined> {
  const answer = await api.get(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments/coredns`);
  if (answer.status !== 200) return `CoreDNS: HTTP ${answer.status}`;
  const { status } = JSON.parse(answer.text) as { status?: { availableReplicas?: number } };
  return (status?.availableReplicas ?? 0) > 0 ? undefined : 'CoreDNS has no ready pod';
}
