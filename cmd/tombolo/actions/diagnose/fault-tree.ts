import { FAULTS, type FaultCode, type Finding } from './finding.ts';

/** A finding that no other one explains, with those that it does. */
export interface Cause extends Finding {
  readonly title: string;
  /** Not faults of their own: they go when the cause goes. */
  readonly consequences: readonly Finding[];
}

/** What may follow from a fault: codes, or what a symptom is about. */
type Effects = readonly (FaultCode | `about ${string}`)[];

const WORK = ['NodeNotReady', 'NamespaceNotReady'] as const;
const TUNNEL = ['UdpBlocked', 'MtuHole', 'about NetworkReady', ...WORK] as const;
/** `Degraded` is where the peering endpoint and renewals are. */
const API = ['about Authenticated', 'about ApiReachable', 'about Degraded', 'NotVerified', ...WORK] as const;

const EFFECTS: Partial<Record<FaultCode, Effects>> = {
  ControllerDown: ['WebhookDown', 'CertificateNotApproved', 'ProcessNotReady', ...API],
  KubeletDown: ['ProcessNotReady', ...WORK],
  GatewayDown: ['ProcessNotReady', ...TUNNEL],
  ClockSkew: ['CredentialRevoked', 'CredentialExpired', ...API],
  WebhookDown: ['NamespaceNotReady'],
  PeerControllerDown: ['TcpBlocked', 'CredentialExpired', ...API],
  PeerGatewayDown: TUNNEL,
  PeerAway: ['NameNotResolved', 'TcpBlocked', 'CredentialExpired', 'ClockSkew', ...API, ...TUNNEL],
  NameNotResolved: ['TcpBlocked', 'CredentialExpired', ...API, ...TUNNEL],
  TcpBlocked: ['CredentialExpired', ...API],
  UdpBlocked: ['MtuHole', 'about NetworkReady', ...WORK],
  CredentialRevoked: API,
  CredentialExpired: API,
  MtuHole: WORK,
  NodeCut: WORK,
  ProcessNotReady: ['NotVerified'],
  NotVerified: WORK,
  ConditionNotGood: WORK,
  NodeNotReady: ['NamespaceNotReady'],
};

const ORDER = Object.keys(FAULTS) as FaultCode[];

/**
 * Roots first, each with what follows from it, so that one fault is one cause however many things it breaks. A finding of one
 * peer is explained by findings of that peer or of this cluster, never by those of another peer. Pure.
 */
export function faultTree(findings: readonly Finding[]): Cause[] {
  const ordered = findings.toSorted((a, b) => ORDER.indexOf(a.code) - ORDER.indexOf(b.code));
  const isRoot = (finding: Finding) => !ordered.some((other) => explains(other, finding));
  const taken = new Set<Finding>();
  return ordered.filter(isRoot).map((root) => {
    const consequences = followers(root, ordered).filter((finding) => !taken.has(finding) && !isRoot(finding));
    for (const finding of consequences) taken.add(finding);
    return { ...root, title: FAULTS[root.code], consequences };
  });
}

/** All that follows, also over several steps, in order. */
function followers(root: Finding, all: readonly Finding[]): Finding[] {
  const found = new Set<Finding>([root]);
  for (const finding of found) {
    for (const other of all) if (explains(finding, other)) found.add(other);
  }
  found.delete(root);
  return all.filter((finding) => found.has(finding));
}

function explains(cause: Finding, effect: Finding): boolean {
  if (cause === effect || (cause.peer !== undefined && cause.peer !== effect.peer)) return false;
  const effects = EFFECTS[cause.code] ?? [];
  return effects.includes(effect.code) || (effect.about !== undefined && effects.includes(`about ${effect.about}`));
}
