import { LABEL, SYSTEM_NAMESPACE } from '#pkg/api';
import { type KubeClient, SECRET, type Secret } from '#pkg/kube';
import { redeemSecretName } from '../consumer/peer-credentials.ts';
import { type InviteToken, mintInvite, parseInvite } from '../invite/token.ts';
import { checkWish, type PeeringWish, type StartedPeering } from './check-wish.ts';
import { ensurePeer, ensureVirtualNode } from './peer-objects.ts';

export interface StartPeeringOptions extends PeeringWish {
  /** As pasted, or already parsed. */
  readonly token: string | InviteToken;
}

/**
 * Writes the wish to use the cluster of a token: VirtualNode, Secret with the token, Peer. The controller does the rest;
 * see `waitForPeering`. Safe to repeat after any interruption. Nothing is written before everything that can be refused
 * here was checked; the VirtualNode comes first, because admission may refuse its name.
 * @throws PeeringError of `parseInvite` and `checkWish`
 */
export async function startPeering(client: KubeClient, options: StartPeeringOptions): Promise<StartedPeering> {
  const { signal, now = new Date(), resources, apiMode, networkMode } = options;
  const token = typeof options.token === 'string' ? parseInvite(options.token, { now }) : options.token;
  const { peer, known, roles, virtualNode, isStanding } = await checkWish(client, token, options);
  if (isStanding) return { peer, roles, virtualNode, isUnchanged: true, isNew: false };
  if (virtualNode !== undefined) await ensureVirtualNode(client, virtualNode, peer, resources, signal);
  if (roles.includes('Consume')) await putRedeemSecret(client, peer, token, signal);
  await ensurePeer(client, { peer, target: token, roles, apiMode, networkMode }, signal);
  return { peer, roles, virtualNode, isUnchanged: false, isNew: known === undefined };
}

/** The token waits here for the controller, who deletes it once it is redeemed. A newer one takes an older one's place. */
async function putRedeemSecret(
  client: KubeClient,
  peer: string,
  token: InviteToken,
  signal: AbortSignal | undefined,
): Promise<void> {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: redeemSecretName(peer),
      namespace: SYSTEM_NAMESPACE,
      labels: { [LABEL.peer]: peer, [LABEL.component]: 'redeem' },
    },
    type: 'Opaque',
    data: { token: Buffer.from(mintInvite(token)).toString('base64') },
  };
  await client.apply<Secret>(SECRET, secret, {
    fieldManager: 'tombolo-cli',
    force: true,
    ...(signal === undefined ? {} : { signal }),
  });
}
