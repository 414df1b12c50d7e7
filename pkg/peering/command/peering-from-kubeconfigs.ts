import type { Role } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import { createInvite, revokeInvite } from './create-invite.ts';
import type { StartedPeering } from './check-wish.ts';
import { startPeering, type StartPeeringOptions } from './start-peering.ts';

/** One of two clusters that one person may write to. */
export interface ClusterEnd {
  readonly client: KubeClient;
  /** How to call it in errors, for example its context. */
  readonly cluster: string;
}

export interface PeeringFromKubeconfigsOptions extends Omit<StartPeeringOptions, 'token' | 'cluster' | 'roles'> {
  /** Seen from `here`: Consume = use capacity there, Provide = lend to it. Default `['Consume']`. */
  readonly roles?: readonly Role[];
  /** What `there` calls `here`, where that side starts a direction. */
  readonly nameThere?: string;
}

/** The pair of a token's issuer and the side that redeems it, both at work within minutes. */
const INVITE_LIFETIME_MS = 15 * 60_000;

/**
 * Peers two clusters with the rights of one person: an invite is minted on the side that lends and redeemed on the side
 * that uses, exactly as with a token; neither cluster learns anything of a kubeconfig (PEER-06). Safe to repeat: where
 * the direction stands already nothing changes.
 * @returns one per direction; `at` says on which side to wait for it
 */
export async function peeringFromKubeconfigs(
  here: ClusterEnd,
  there: ClusterEnd,
  options: PeeringFromKubeconfigsOptions = {},
): Promise<{ role: Role; at: ClusterEnd; started: StartedPeering }[]> {
  const { roles = ['Consume'], name, nameThere, ...common } = options;
  const results: { role: Role; at: ClusterEnd; started: StartedPeering }[] = [];
  for (const role of new Set(roles)) {
    const [user, lender, peerName] = role === 'Consume' ? [here, there, name] : [there, here, nameThere];
    const signal = common.signal === undefined ? {} : { signal: common.signal };
    const invite = await createInvite(lender.client, {
      cluster: lender.cluster,
      lifetimeMs: INVITE_LIFETIME_MS,
      ...signal,
    });
    const wish = {
      ...common,
      token: invite.token,
      cluster: user.cluster,
      ...(peerName === undefined ? {} : { name: peerName }),
    };
    let started: StartedPeering | undefined;
    try {
      started = await startPeering(user.client, wish);
    } finally {
      // Nobody will use it: the direction stands already, or the wish was refused.
      if (started?.isUnchanged !== false) await revokeInvite(lender.client, invite.name, common.signal);
    }
    results.push({ role, at: user, started });
  }
  return results;
}
