import type { Cluster } from '#pkg/kube';
import { CliError } from '../../errors.ts';

/** ValidatingAdmissionPolicy is stable from 1.30 on; without it a tenant would not be bounded. */
const MIN_MINOR = 30;

/**
 * The version of the cluster, if it is new enough.
 * @throws CliError `UnsupportedVersion`
 */
export async function checkVersion(cluster: Cluster, signal: AbortSignal): Promise<string> {
  const { major, minor, gitVersion } = await cluster.client.version({ signal });
  if (Number(major) > 1 || Number.parseInt(minor, 10) >= MIN_MINOR) return gitVersion;
  throw new CliError('UnsupportedVersion', {
    attempted: 'check the cluster',
    where: `cluster ${cluster.name} (${cluster.server})`,
    why: `it runs Kubernetes ${gitVersion}; Tombolo needs 1.${MIN_MINOR} or newer`,
  });
}

interface Right {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  readonly namespace?: string;
}

/** What the installation writes that ordinary accounts may not. `escalate` stands for handing out the roles of the chart. */
const RIGHTS: readonly Right[] = [
  { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions', verb: 'patch' },
  { group: '', resource: 'namespaces', verb: 'create' },
  { group: 'rbac.authorization.k8s.io', resource: 'clusterroles', verb: 'create' },
  { group: 'rbac.authorization.k8s.io', resource: 'clusterroles', verb: 'escalate' },
  { group: 'rbac.authorization.k8s.io', resource: 'clusterrolebindings', verb: 'create' },
  { group: 'admissionregistration.k8s.io', resource: 'mutatingwebhookconfigurations', verb: 'create' },
  { group: 'admissionregistration.k8s.io', resource: 'validatingadmissionpolicies', verb: 'create' },
  { group: 'apps', resource: 'deployments', verb: 'create', namespace: 'tombolo-system' },
  { group: '', resource: 'secrets', verb: 'create', namespace: 'tombolo-system' },
];

/**
 * Asks the API server about every right before anything is changed.
 * @throws CliError `MissingRight` naming verb and resource of the first that is missing
 */
export async function checkRights(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const answers = await Promise.all(RIGHTS.map((right) => may(cluster, right, signal)));
  const missing = RIGHTS.filter((_, index) => answers[index] === false);
  const first = missing[0];
  if (first === undefined) return;
  const words = missing.map(({ verb, resource }) => `${verb} ${resource}`).join(', ');
  throw new CliError('MissingRight', {
    attempted: 'check the rights',
    where: `cluster ${cluster.name} (${cluster.server})`,
    why: `this account may not ${words}`,
  });
}

const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

async function may(cluster: Cluster, right: Right, signal: AbortSignal): Promise<boolean> {
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: right },
  };
  const answer = await cluster.client.request('POST', REVIEWS, { body, signal });
  if (answer.status >= 300) {
    throw new CliError('Failed', {
      attempted: 'check the rights',
      where: `cluster ${cluster.name} (${cluster.server})`,
      why: `SelfSubjectAccessReview was answered with ${answer.status}`,
    });
  }
  const review = JSON.parse(answer.body.toString('utf8')) as { status?: { allowed?: boolean } };
  return review.status?.allowed === true;
}
