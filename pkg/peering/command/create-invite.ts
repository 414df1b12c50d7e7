import { randomBytes } from 'node:crypto';
import { INVITE, type Invite, type ResourceList, SYSTEM_NAMESPACE, typeMeta } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import { readClusterInfo } from '../cluster-info/cluster-info.ts';
import { PeeringError } from '../errors.ts';
import { parseAddress } from '../client/address.ts';
import { hashOfSecret, mintInvite, newInviteSecret } from '../invite/token.ts';
import { unlessNotFound } from '../not-found.ts';

export interface CreateInviteOptions {
  /** How to call the cluster in errors, for example its context. */
  readonly cluster: string;
  /** Default one hour. */
  readonly lifetimeMs?: number;
  /** `host:port`; by default what the cluster says of itself. */
  readonly addresses?: readonly string[];
  /** The most that the cluster that redeems may be granted. */
  readonly limits?: ResourceList;
  readonly now?: Date;
  readonly signal?: AbortSignal;
}

export interface CreatedInvite {
  /** Name of the Invite object. */
  readonly name: string;
  /** Shown once: no object holds it. */
  readonly token: string;
  readonly expiresAt: Date;
}

const DEFAULT_LIFETIME_MS = 3600_000;

/**
 * Makes an invite: one cluster, whichever comes first with the token, may use capacity of this one. The Invite object
 * holds a hash of the secret only (PEER-04).
 * @throws PeeringError `NotInstalled`, `NoAddress`
 */
export async function createInvite(client: KubeClient, options: CreateInviteOptions): Promise<CreatedInvite> {
  const { cluster, lifetimeMs = DEFAULT_LIFETIME_MS, limits, now = new Date(), signal } = options;
  const info = await readClusterInfo(client, cluster, signal);
  const addresses = options.addresses ?? info.addresses;
  const facts = { attempted: 'make an invite', where: cluster };
  const wrong = addresses.find((address) => parseAddress(address) === undefined);
  if (wrong !== undefined)
    throw new PeeringError('NoAddress', { ...facts, why: `${JSON.stringify(wrong)} is not host:port` });
  if (addresses.length === 0) {
    throw new PeeringError('NoAddress', {
      ...facts,
      why: 'no address is known where other clusters could reach its peering endpoint',
    });
  }
  const secret = newInviteSecret();
  const name = `invite-${randomBytes(4).toString('hex')}`;
  const expiresAt = new Date(now.getTime() + lifetimeMs);
  const invite: Invite = {
    ...typeMeta(INVITE),
    metadata: { name, namespace: SYSTEM_NAMESPACE },
    spec: {
      secretHash: hashOfSecret(secret),
      expiresAt: expiresAt.toISOString(),
      ...(limits === undefined ? {} : { limits }),
    },
  };
  await client.create<Invite>(INVITE, invite, signal === undefined ? {} : { signal });
  const { fingerprint, clusterName } = info;
  return {
    name,
    expiresAt,
    token: mintInvite({ invite: name, secret, addresses, fingerprint, clusterName, expiresAt }),
  };
}

/** All invites that were not removed yet, the one that ends last first. */
export async function listInvites(client: KubeClient, signal?: AbortSignal): Promise<Invite[]> {
  const { items } = await client.list<Invite>(
    INVITE,
    { namespace: SYSTEM_NAMESPACE },
    signal === undefined ? {} : { signal },
  );
  return items.toSorted((a, b) => b.spec.expiresAt.localeCompare(a.spec.expiresAt));
}

/** Makes a token worthless at once; a peering that it made stays. False where there is no such invite. */
export async function revokeInvite(client: KubeClient, name: string, signal?: AbortSignal): Promise<boolean> {
  const ref = { namespace: SYSTEM_NAMESPACE, name };
  const options = signal === undefined ? {} : { signal };
  const found = await client.get<Invite>(INVITE, ref, options).catch(unlessNotFound);
  if (found === undefined) return false;
  await client.delete(INVITE, ref, options).catch(unlessNotFound);
  return true;
}
