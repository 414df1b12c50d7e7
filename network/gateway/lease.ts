import { ANNOTATION, NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import { KubeError, type KubeClient, LEASE, type Lease, microTime } from '#pkg/kube';
import type { Clock } from '#pkg/runtime';
import { type Claim, LEASE_MS } from './role.ts';

/** What the holder of the Lease tells agents beside its name. */
export interface Announcement {
  /** Where it takes outer packets of the overlay. */
  readonly address: string;
  readonly overlayMtuBytes: number;
  /** Where its pod is linked to its node, so that the node tells its packets from those of other pods. */
  readonly link: { readonly node: string; readonly number: number };
}

const REF = { namespace: SYSTEM_NAMESPACE, name: NAME.gatewayLease };

export function claimOf(lease: Lease | undefined): Claim | undefined {
  if (lease === undefined) return undefined;
  const { holderIdentity: holder = '', leaseTransitions: epoch = 0 } = lease.spec ?? {};
  return { holder, epoch, version: lease.metadata.resourceVersion ?? '' };
}

/**
 * Writes the Lease for `holder`, on top of the version that was seen: of two replicas one succeeds.
 * @returns what stands then; `undefined` where somebody was faster
 */
export async function writeClaim(
  client: KubeClient,
  standing: Lease | undefined,
  claim: { readonly holder: string; readonly epoch: number },
  { address, overlayMtuBytes, link }: Announcement,
  clock: Clock,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const now = microTime(clock.wall());
  const isRenewal = standing?.spec?.holderIdentity === claim.holder && standing.spec.leaseTransitions === claim.epoch;
  const lease: Lease = {
    metadata: {
      ...standing?.metadata,
      ...REF,
      annotations: {
        ...standing?.metadata.annotations,
        [ANNOTATION.gatewayAddress]: address,
        [ANNOTATION.gatewayLink]: `${link.node}/${link.number}`,
        [ANNOTATION.overlayMtu]: String(overlayMtuBytes),
      },
    },
    spec: {
      holderIdentity: claim.holder,
      leaseDurationSeconds: LEASE_MS / 1000,
      acquireTime: isRenewal ? (standing.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: claim.epoch,
    },
  };
  try {
    return await (standing === undefined
      ? client.create(LEASE, lease, { signal })
      : client.replace(LEASE, lease, { signal }));
  } catch (error) {
    if (error instanceof KubeError && (error.isConflict || error.isAlreadyExists || error.isNotFound)) return undefined;
    throw error;
  }
}
