import type { DeviceState, PeerState } from './config.ts';
import { WireguardError } from './errors.ts';
import { parsePresharedKey, parsePrivateKey, parsePublicKey, publicKeyHex } from './keys.ts';
import type { PeerStep, WireguardPlan } from './plan-wireguard.ts';

/** The cross-platform protocol of userspace WireGuard (www.wireguard.com/xplatform): lines `key=value`, then an empty one. */
export const GET_REQUEST = 'get=1\n\n';

const NO_KEY = '0'.repeat(64);

/** Text of one `set=1`. Never holds `replace_peers`, which ends all sessions. Holds keys: not for logs. */
export function renderSet(plan: WireguardPlan): string {
  const lines = ['set=1'];
  if (plan.privateKey !== undefined) lines.push(`private_key=${plan.privateKey.hex()}`);
  if (plan.listenPort !== undefined) lines.push(`listen_port=${plan.listenPort}`);
  if (plan.firewallMark !== undefined) lines.push(`fwmark=${plan.firewallMark}`);
  for (const step of plan.steps) lines.push(...peerLines(step));
  return `${lines.join('\n')}\n\n`;
}

function peerLines(step: PeerStep): string[] {
  const lines = [`public_key=${publicKeyHex(step.publicKey)}`];
  if (step.do === 'remove') return [...lines, 'remove=true'];
  const { presharedKey, endpoint, keepaliveSeconds, allowedIps, isNew } = step;
  // Somebody may have removed it since it was read: half a peer must not come into being.
  if (!isNew) lines.push('update_only=true');
  if (presharedKey !== undefined) lines.push(`preshared_key=${presharedKey === 'none' ? NO_KEY : presharedKey.hex()}`);
  if (endpoint !== undefined) lines.push(`endpoint=${endpoint}`);
  if (keepaliveSeconds !== undefined) lines.push(`persistent_keepalive_interval=${keepaliveSeconds}`);
  if (allowedIps?.replace) lines.push('replace_allowed_ips=true');
  const ranges = allowedIps?.replace ? allowedIps.all : (allowedIps?.added ?? []);
  return [...lines, ...ranges.map((range) => `allowed_ip=${range}`)];
}

/** `undefined` where the answer is not complete yet. */
export function answerErrno(answer: string): number | undefined {
  const match = /(?:^|\n)errno=(-?\d+)\n\n$/.exec(answer);
  return match === null ? undefined : Math.abs(Number(match[1]));
}

/**
 * Answer of `get=1`. Keys that we do not know are skipped: the protocol may grow.
 * @throws WireguardError `DeviceRefused` where it is not such an answer
 */
export function parseGet(device: string, answer: string): DeviceState {
  const head: Fields = new Map();
  const peers: Fields[] = [];
  let current = head;
  for (const line of answer.split('\n')) {
    const at = line.indexOf('=');
    if (at < 0) continue;
    const key = line.slice(0, at);
    if (key === 'public_key') peers.push((current = new Map()));
    const values = current.get(key);
    if (values === undefined) current.set(key, [line.slice(at + 1)]);
    else values.push(line.slice(at + 1));
  }
  const number = numberReader(device);
  const privateKey = head.get('private_key')?.[0];
  return {
    ...(privateKey === undefined || privateKey === NO_KEY ? {} : { privateKey: parsePrivateKey(privateKey) }),
    listenPort: number(head, 'listen_port'),
    firewallMark: number(head, 'fwmark'),
    peers: peers.map((fields) => peerState(fields, number)),
  };
}

type Fields = Map<string, string[]>;
type NumberReader = (fields: Fields, key: string) => number;

function peerState(fields: Fields, number: NumberReader): PeerState {
  const presharedKey = fields.get('preshared_key')?.[0] ?? NO_KEY;
  const endpoint = fields.get('endpoint')?.[0];
  const handshakeMs =
    number(fields, 'last_handshake_time_sec') * 1000 + Math.floor(number(fields, 'last_handshake_time_nsec') / 1e6);
  return {
    publicKey: parsePublicKey(fields.get('public_key')?.[0] ?? ''),
    ...(presharedKey === NO_KEY ? {} : { presharedKey: parsePresharedKey(presharedKey) }),
    ...(endpoint === undefined ? {} : { endpoint }),
    allowedIps: fields.get('allowed_ip') ?? [],
    keepaliveSeconds: number(fields, 'persistent_keepalive_interval'),
    ...(handshakeMs === 0 ? {} : { lastHandshakeAt: new Date(handshakeMs) }),
    receivedBytes: number(fields, 'rx_bytes'),
    sentBytes: number(fields, 'tx_bytes'),
  };
}

/** What a device leaves out is zero. */
function numberReader(device: string): NumberReader {
  return (fields, key) => {
    const text = fields.get(key)?.[0] ?? '0';
    if (/^\d+$/.test(text)) return Number(text);
    throw new WireguardError('DeviceRefused', {
      attempted: 'read a WireGuard device',
      where: device,
      why: `${key} is no number`,
    });
  };
}
