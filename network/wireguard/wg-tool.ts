import type { DeviceState, PeerState } from './config.ts';
import { WireguardError } from './errors.ts';
import { parsePresharedKey, parsePrivateKey, parsePublicKey, type SecretKey } from './keys.ts';
import type { WireguardPlan } from './plan-wireguard.ts';

/** Arguments of `wg set`, and the secrets that they name by file. */
export interface WgSet {
  readonly args: readonly string[];
  /** Name of each file inside the folder that was given, and the key to write into it. */
  readonly files: ReadonlyMap<string, SecretKey>;
}

/**
 * Arguments of one `wg set`, which the kernel takes in their order. `secretPath` gives the path of a file by name: keys
 * are never arguments, which every process of the host can read.
 */
export function renderWgSet(device: string, plan: WireguardPlan, secretPath: (file: string) => string): WgSet {
  const files = new Map<string, SecretKey>();
  const fileFor = (key: SecretKey): string => {
    const name = `key-${files.size}`;
    files.set(name, key);
    return secretPath(name);
  };
  const args = ['set', device];
  if (plan.privateKey !== undefined) args.push('private-key', fileFor(plan.privateKey));
  if (plan.listenPort !== undefined) args.push('listen-port', String(plan.listenPort));
  if (plan.firewallMark !== undefined) args.push('fwmark', plan.firewallMark === 0 ? 'off' : String(plan.firewallMark));
  for (const step of plan.steps) {
    args.push('peer', step.publicKey);
    if (step.do === 'remove') {
      args.push('remove');
      continue;
    }
    const { presharedKey, endpoint, keepaliveSeconds, allowedIps } = step;
    // An empty file is how `wg` is told that there is no preshared key.
    if (presharedKey !== undefined)
      args.push('preshared-key', presharedKey === 'none' ? '/dev/null' : fileFor(presharedKey));
    if (endpoint !== undefined) args.push('endpoint', endpoint);
    if (keepaliveSeconds !== undefined) {
      args.push('persistent-keepalive', keepaliveSeconds === 0 ? 'off' : String(keepaliveSeconds));
    }
    // `wg` of before 2025 cannot add to a list, only replace it; the kernel does both under one lock.
    if (allowedIps !== undefined) args.push('allowed-ips', allowedIps.all.join(','));
  }
  return { args, files };
}

/**
 * Output of `wg show IF dump`: one line of the interface, one of each peer, fields by tabs.
 * @throws WireguardError `DeviceRefused` where it is not such an output
 */
export function parseDump(device: string, output: string): DeviceState {
  const [head = '', ...rest] = output.trimEnd().split('\n');
  const [privateKey = '', , port, mark, ...more] = head.split('\t');
  if (port === undefined || mark === undefined || more.length > 0)
    throw notADump(device, 'the first line has not 4 fields');
  return {
    ...(privateKey === '(none)' ? {} : { privateKey: parsePrivateKey(privateKey) }),
    listenPort: numberOf(device, port),
    firewallMark: mark === 'off' ? 0 : numberOf(device, mark),
    peers: rest.map((line) => peerState(device, line)),
  };
}

function peerState(device: string, line: string): PeerState {
  const [publicKey = '', presharedKey = '', endpoint = '', ranges = '', handshake, received, sent, keepalive] =
    line.split('\t');
  if (handshake === undefined || received === undefined || sent === undefined || keepalive === undefined) {
    throw notADump(device, 'a peer has not 8 fields');
  }
  const handshakeSeconds = numberOf(device, handshake);
  return {
    publicKey: parsePublicKey(publicKey),
    ...(presharedKey === '(none)' ? {} : { presharedKey: parsePresharedKey(presharedKey) }),
    ...(endpoint === '(none)' ? {} : { endpoint }),
    allowedIps: ranges === '(none)' ? [] : ranges.split(','),
    keepaliveSeconds: keepalive === 'off' ? 0 : numberOf(device, keepalive),
    ...(handshakeSeconds === 0 ? {} : { lastHandshakeAt: new Date(handshakeSeconds * 1000) }),
    receivedBytes: numberOf(device, received),
    sentBytes: numberOf(device, sent),
  };
}

function numberOf(device: string, text: string): number {
  if (!/^(?:\d+|0x[0-9a-f]+)$/.test(text)) throw notADump(device, `"${text.slice(0, 20)}" is no number`);
  return Number(text);
}

function notADump(device: string, why: string): WireguardError {
  return new WireguardError('DeviceRefused', { attempted: 'read the output of wg', where: device, why });
}
