import type { Log } from '#pkg/runtime';
import type { DeviceState, WireguardConfig } from './config.ts';
import type { PublicKey } from './keys.ts';
import type { WireguardPlan } from './plan-wireguard.ts';

/** One WireGuard interface, kernel or userspace. Calls wait for each other; the gateway owns it alone. */
export interface Device extends AsyncDisposable {
  readonly kind: 'kernel' | 'userspace';
  readonly name: string;
  /**
   * What the interface holds now; `undefined` where it does not exist.
   * @throws WireguardError `DeviceUnavailable` (retryable)
   */
  read(signal: AbortSignal): Promise<DeviceState | undefined>;
  /**
   * Makes the interface hold exactly `config`, up and with its MTU and addresses. Total and idempotent; sessions of peers
   * that did not change survive. Returns what had to be told to WireGuard: steps without a change of `config` are repaired
   * drift (NET-29). Routes are not touched.
   * @throws WireguardError `WireguardConfigInvalid`, `MissingCapability` (not retryable), `DeviceBusy`,
   *   `DeviceUnavailable`, `DeviceRefused` (retryable)
   */
  apply(config: WireguardConfig, signal: AbortSignal): Promise<WireguardPlan>;
  /**
   * Ends the session of one peer, so that this side begins a new one with its next packet: for a peer whose gateway has
   * changed and which cannot dial us. Dials the configured endpoint, else where the peer was seen last. False where the
   * peer is not there or has no endpoint: it would be lost until it speaks.
   */
  resetSession(peer: PublicKey, signal: AbortSignal): Promise<boolean>;
  /** Removes the interface, and ends the program behind it. Safe in any half state, twice, and after a crash. */
  cleanup(signal: AbortSignal): Promise<void>;
}

export interface DeviceOptions {
  /** Interface name, 1–15 characters. An interface of this name that is no WireGuard one is never touched. */
  readonly name: string;
  /** Ends a userspace program (by its pid) and all that is under way. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Default `auto`: kernel where it has the module, else userspace. */
  readonly implementation?: 'auto' | 'kernel' | 'userspace';
  /** Path or name on the PATH. Default `wireguard-go`. */
  readonly wireguardGo?: string;
  /** Where wireguard-go makes its socket: fixed when it is built, by default `/var/run/wireguard`. */
  readonly runDirectory?: string;
  /** Memory-backed folder for key files, which live as long as one call of `wg`. Default `/dev/shm`. */
  readonly secretDirectory?: string;
  /**
   * Program and arguments in front of all that is started, such as `ip netns exec NAME`. It has to execute what follows
   * in its own process. Default: none.
   */
  readonly enter?: readonly string[];
  /** Is told after a program that died has come back: the interface is a new one, without the routes of the old. */
  readonly onReplaced?: () => void;
}
