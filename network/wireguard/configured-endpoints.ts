import type { DeviceState, WireguardConfig } from './config.ts';
import type { PublicKey } from './keys.ts';

/**
 * Which endpoint was configured last for each peer. Devices do not tell: they hold only the one that is in use, which
 * follows the peer. As many entries as the last configuration has peers.
 */
export class ConfiguredEndpoints {
  #endpoints = new Map<PublicKey, string>();

  /** To be called once a device has taken `config`. */
  remember(config: WireguardConfig): void {
    this.#endpoints = new Map(
      config.peers.flatMap(({ publicKey, endpoint }) => (endpoint === undefined ? [] : [[publicKey, endpoint]])),
    );
  }

  /** To be called when the interface is gone and what it held with it. */
  forget(): void {
    this.#endpoints.clear();
  }

  of(peer: PublicKey): string | undefined {
    return this.#endpoints.get(peer);
  }

  addTo(state: DeviceState): DeviceState {
    const peers = state.peers.map((peer) => {
      const configuredEndpoint = this.of(peer.publicKey);
      return configuredEndpoint === undefined ? peer : { ...peer, configuredEndpoint };
    });
    return { ...state, peers };
  }
}
