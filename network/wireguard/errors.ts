import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

/** docs/reference/errors.md lists exactly these codes. */
const RULES = {
  WireguardKeyInvalid: { retryable: false, next: 'make a new key, or copy it again in full' },
  WireguardConfigInvalid: { retryable: false, next: 'correct the peer, endpoint or range that the message quotes' },
  MissingCapability: { retryable: false, next: 'give the gateway the capability NET_ADMIN' },
  MissingTunDevice: {
    retryable: false,
    next: 'mount /dev/net/tun into the gateway, or load the module tun on its node',
  },
  MissingWireguardGo: { retryable: false, next: 'install wireguard-go, or load the module wireguard on the node' },
  MissingWireguardModule: {
    retryable: false,
    next: 'load the module wireguard on the node, or allow the userspace device',
  },
  MissingWireguardTools: { retryable: false, next: 'install wireguard-tools, or choose the userspace device' },
  DeviceBusy: { retryable: true, next: 'remove the other interface or program, or choose another name or port' },
  DeviceUnavailable: { retryable: true, next: 'look at the log of the gateway and whether its WireGuard runs' },
  DeviceRefused: { retryable: true, next: 'compare the configuration with what the kernel or wireguard-go supports' },
} as const satisfies Record<string, ErrorRule>;

/** Anything that goes wrong around WireGuard keys, configurations and devices. Never quotes a secret key. */
export class WireguardError extends CodedError<keyof typeof RULES> {
  constructor(code: keyof typeof RULES, facts: ErrorFacts, options?: ErrorOptions) {
    super(RULES, code, facts, options);
  }
}
