/**
 * WireGuard: keys, the wanted configuration of one interface, and the interface itself, in the kernel or by wireguard-go.
 *
 * Tells a device only what differs, so that sessions of other peers live on. Stands in for an npm package that does not
 * exist. Knows no Kubernetes, resolves no names, sets no routes and never touches an interface of another kind.
 */
export type { DeviceState, PeerState, WireguardConfig, WireguardPeer } from './config.ts';
export type { Device, DeviceOptions } from './device.ts';
export { WireguardError } from './errors.ts';
export {
  generatePresharedKey,
  generatePrivateKey,
  parsePresharedKey,
  parsePrivateKey,
  parsePublicKey,
  type PublicKey,
  publicKeyOf,
  SecretKey,
} from './keys.ts';
export { openDevice } from './open-device.ts';
export { isEmptyPlan, type PeerStep, planWireguard, type WireguardPlan } from './plan-wireguard.ts';
