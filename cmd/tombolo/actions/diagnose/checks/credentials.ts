import { getCondition, type Peer } from '#pkg/api';
import { type Facts, placeOf } from '../facts.ts';
import { type Finding, type Judgement, targetOfUrl } from '../finding.ts';

/** Reasons of our controller and of our kubelet for "the API server knows us no more". */
const REFUSED = new Set(['CredentialRefused', 'NotLent']);

/** Whether the API server of each peer takes what it was issued to us. */
export function judgeCredentials(facts: Facts): Judgement {
  return { findings: facts.peers.flatMap((peer) => ofPeer(facts, peer)), unknown: [] };
}

function ofPeer(facts: Facts, peer: Peer): Finding[] {
  const { name } = peer.metadata;
  const { conditions, apiServer, credentialExpiresAt } = peer.status ?? {};
  const refusal = ['Authenticated', 'ApiReachable']
    .map((type) => getCondition(conditions, type))
    .find((condition) => condition?.status === 'False' && REFUSED.has(condition.reason));
  const words = refusal?.message ?? refusedNode(facts, name);
  if (words === undefined) return [];
  const isOver = credentialExpiresAt !== undefined && Date.parse(credentialExpiresAt) <= facts.status.now.getTime();
  const common = {
    peer: name,
    from: placeOf(facts, 'controller'),
    ...targetOfUrl(apiServer ?? `API server of ${name}`),
    protocol: 'TCP' as const,
  };
  if (isOver) {
    const message = `our credential for ${name} ended at ${credentialExpiresAt} and was not renewed: ${words}`;
    const next = `look whether the peering endpoint of ${name} answers: a new credential is asked for there by itself`;
    return [{ ...common, code: 'CredentialExpired', message, next }];
  }
  const tenant = peer.status?.remoteTenantNamespace ?? 'our tenant namespace';
  return [
    {
      ...common,
      code: 'CredentialRevoked',
      message: `the API server of ${name} refuses our credential before its time is over: ${words}`,
      next: `on ${name}: kubectl -n ${tenant} get serviceaccount,role,rolebinding; \`tombolo status\` there says whether it still lends. A new credential is asked for by itself`,
      unknown: `who took the right away: that is known on ${name} alone`,
    },
  ];
}

/** What a virtual node says, whose kubelet asks more often than the controller. */
function refusedNode({ status }: Facts, peer: string): string | undefined {
  const names = status.virtualNodes.filter(({ spec }) => spec.peer === peer).map(({ metadata }) => metadata.name);
  return status.nodes
    .filter(({ metadata }) => names.includes(metadata.name))
    .flatMap(({ status: node }) => node?.conditions ?? [])
    .find(({ type, status: value, reason }) => type === 'Ready' && value !== 'True' && REFUSED.has(reason ?? ''))
    ?.message;
}
