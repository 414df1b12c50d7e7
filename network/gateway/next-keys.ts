import type { Device, DeviceState, PublicKey } from '#network/wireguard';
import type { Clock } from '#pkg/runtime';
import type { TunnelPeer } from './plan-peers.ts';

/** A peer that has begun to use its next key is noticed within this time: its packets are refused until then (NET-26). */
const POLL_MS = 50;

/** One look lasts this long: its caller looks again at once. */
const LOOK_MS = 10_000;

/**
 * Next keys of peers: the device holds them without a range, so that their first handshake is answered, and the ranges move
 * with it. Nothing else tells so soon: word by the API takes seconds.
 */
export class NextKeys {
  readonly #used = new Map<string, PublicKey>();

  /** The peers as the device shall hold them: by the key that each of them uses. Pure. */
  inUse(peers: readonly TunnelPeer[]): TunnelPeer[] {
    return peers.map((peer) => {
      const { nextPublicKey, ...rest } = peer;
      if (nextPublicKey === undefined || this.#used.get(peer.name) !== nextPublicKey) return peer;
      return { ...rest, publicKey: nextPublicKey };
    });
  }

  /**
   * Watches the device for a while, if there is any next key that is not in use.
   * @param peers as `planPeers` gives them, asked for again and again
   * @param onUse the result of `inUse` has changed
   */
  async watch(
    device: Pick<Device, 'read'>,
    peers: () => readonly TunnelPeer[],
    onUse: (peer: string) => void,
    { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  ): Promise<void> {
    const end = clock.now() + LOOK_MS;
    for (;;) {
      const waiting = this.#waiting(peers());
      if (waiting.length === 0 || clock.now() > end) return;
      const state = await device.read(signal);
      for (const { name, nextPublicKey } of waiting) {
        if (nextPublicKey === undefined || !hasShaken(state, nextPublicKey)) continue;
        this.#used.set(name, nextPublicKey);
        onUse(name);
      }
      await clock.sleep(POLL_MS, signal);
    }
  }

  #waiting(peers: readonly TunnelPeer[]): TunnelPeer[] {
    const names = new Set(peers.map(({ name }) => name));
    for (const name of this.#used.keys()) if (!names.has(name)) this.#used.delete(name);
    return peers.filter(({ name, nextPublicKey }) => {
      return nextPublicKey !== undefined && this.#used.get(name) !== nextPublicKey;
    });
  }
}

function hasShaken(state: DeviceState | undefined, key: PublicKey): boolean {
  return state?.peers.some((peer) => peer.publicKey === key && peer.lastHandshakeAt !== undefined) ?? false;
}
