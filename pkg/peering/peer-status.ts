import { isDeepStrictEqual } from 'node:util';
import { type Peer, PEER, type PeerStatus, setCondition, typeMeta } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import { unlessNotFound } from './not-found.ts';
import { type DirectionReport, type Phase, type Verdict, verdict } from './report.ts';

const FIELD_MANAGER = 'tombolo-peering';

/** Worst first: the phase of a Peer is that of its worst direction. */
const PHASES: readonly Phase[] = ['Ending', 'Failed', 'AwaitingApproval', 'Connecting', 'Pending', 'Degraded', 'Ready'];

/** One status for both directions. Pure; conditions of others are not touched (they are applied by their type). */
export function statusOf(peer: Peer, reports: readonly DirectionReport[], now: Date): PeerStatus {
  const worst = reports.toSorted((a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase))[0];
  const step = reports
    .map((report) => report.step)
    .filter((text) => text !== '')
    .join('; ');
  // Reports come with Consume first: where we use the peer, that direction proves more, because we have looked ourselves.
  const shown = reports.find((report) => report.stands) ?? reports[0];
  const nothing = verdict('Unknown', 'Pending', 'nothing was tried yet');
  const verdicts: Record<string, Verdict> = {
    Authenticated: shown?.authenticated ?? nothing,
    ApiReachable: shown?.apiReachable ?? nothing,
    Degraded:
      reports.find((report) => report.degraded !== undefined)?.degraded ??
      verdict('False', 'AsExpected', 'nothing is out of order'),
  };
  const observedGeneration = peer.metadata.generation;
  let conditions = peer.status?.conditions;
  for (const [type, { status, reason, message }] of Object.entries(verdicts)) {
    const update = {
      type,
      status,
      reason,
      message,
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
    };
    conditions = setCondition(conditions, update, now);
  }
  return {
    phase: worst?.phase ?? 'Pending',
    step,
    roles: reports.filter((report) => report.stands).map((report) => report.role),
    ...(peer.spec.fingerprint === undefined ? {} : { fingerprint: peer.spec.fingerprint }),
    ...Object.assign({}, ...reports.map((report) => report.facts)),
    conditions: (conditions ?? []).filter(({ type }) => type in verdicts),
  };
}

/** All fields that this package writes, so that one that is left out is seen to be missing. */
const OWNED = [
  'phase',
  'step',
  'roles',
  'fingerprint',
  'clusterName',
  'nameThere',
  'remoteTenantNamespace',
  'tenantNamespace',
  'apiServer',
  'apiPath',
  'version',
  'kubernetesVersion',
  'roundTripMilliseconds',
  'credentialExpiresAt',
  'lastVerifiedAt',
  'unreachable',
  'clockOffsetSeconds',
] as const satisfies readonly (keyof PeerStatus)[];

/** Writes the status where it differs from what is stored; a Peer that is gone meanwhile is no error. */
export async function writeStatus(
  client: KubeClient,
  peer: Peer,
  status: PeerStatus,
  signal: AbortSignal,
): Promise<void> {
  if (isStored(peer.status, status)) return;
  const { name, uid } = peer.metadata;
  // The uid keeps the apply from making a new Peer where this one was deleted meanwhile.
  const body = { ...typeMeta(PEER), metadata: { name, ...(uid === undefined ? {} : { uid }) }, status };
  const options = { fieldManager: FIELD_MANAGER, force: true, subresource: 'status', signal };
  await client.apply<Peer>(PEER, body, options).catch(unlessNotFound);
}

function isStored(stored: PeerStatus | undefined, status: PeerStatus): boolean {
  // Objects come back with their keys in the server's order, which this comparison does not mind.
  if (!OWNED.every((field) => isDeepStrictEqual(stored?.[field], status[field]))) return false;
  return (status.conditions ?? []).every((wanted) =>
    stored?.conditions?.some((other) => isDeepStrictEqual(wanted, other)),
  );
}
