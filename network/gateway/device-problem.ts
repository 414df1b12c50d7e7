import { isAboutRanges, writeNetworkReady } from '#network/link';
import { WireguardError } from '#network/wireguard';
import { getCondition } from '#pkg/api';
import type { GatewayDeps } from './gateway-deps.ts';

/**
 * Says on all Peers that there is no tunnel since this gateway can have no device: no right, no /dev/net/tun, no WireGuard.
 * Nothing is said of what a new try may solve, nor where another replica forwards, which has what this one lacks.
 */
export async function reportDeviceProblem(
  { client, informers, podUid, clock }: Pick<GatewayDeps, 'client' | 'informers' | 'podUid' | 'clock'>,
  error: unknown,
  signal: AbortSignal,
): Promise<void> {
  if (!(error instanceof WireguardError) || error.retryable) return;
  const holder = informers.leases.list()[0]?.spec?.holderIdentity;
  const isHeld = informers.replicas.list().some(({ metadata: { uid }, status }) => {
    return uid === holder && uid !== podUid && status?.phase === 'Running';
  });
  if (isHeld) return;
  for (const peer of informers.peers.list()) {
    if (peer.status?.network?.mode === 'None' || isAboutRanges(getCondition(peer.status?.conditions, 'NetworkReady')))
      continue;
    const said = { type: 'NetworkReady', status: 'False', reason: error.code, message: error.message } as const;
    await writeNetworkReady(client, peer, said, clock.wall(), signal);
  }
}
