import { describe, expect, test } from 'vitest';
import type { DeviceState, PeerState, WireguardConfig, WireguardPeer } from './config.ts';
import { generatePresharedKey, generatePrivateKey, parsePublicKey, publicKeyHex, publicKeyOf } from './keys.ts';
import { isEmptyPlan, planSessionReset, planWireguard } from './plan-wireguard.ts';
import { renderSet } from './uapi.ts';

const privateKey = generatePrivateKey();
const presharedKey = generatePresharedKey();
const [rome, milan, turin] = ['rome', 'milan', 'turin'].map((name) =>
  parsePublicKey(Buffer.alloc(32, name).toString('base64')),
);
const NAMES = new Map([rome, milan, turin].map((key, at) => [publicKeyHex(key!), ['rome', 'milan', 'turin'][at]]));

function config(...peers: WireguardPeer[]): WireguardConfig {
  return { privateKey, listenPort: 51820, mtuBytes: 1420, addresses: [], peers };
}

function state(...peers: Partial<PeerState>[]): DeviceState {
  const empty = { publicKey: rome!, allowedIps: [], keepaliveSeconds: 0, receivedBytes: 0, sentBytes: 0 };
  return { privateKey, listenPort: 51820, firewallMark: 0, peers: peers.map((peer) => ({ ...empty, ...peer })) };
}

/** What is told to the device, with names in place of keys. */
function told(desired: WireguardConfig, actual: DeviceState): string[] {
  const lines = renderSet(planWireguard(desired, actual)).trim().split('\n').slice(1);
  return lines.map((line) => line.replace(/(?<=public_key=)\w+/, (hex) => NAMES.get(hex) ?? 'unknown'));
}

describe('planWireguard', () => {
  test('names no peer that did not change', () => {
    const peer = { publicKey: rome!, allowedIps: ['10.1.0.0/16'], endpoint: '192.0.2.1:51820', presharedKey };
    expect(isEmptyPlan(planWireguard(config(peer), state(peer)))).toBe(true);
    expect(told(config(peer, { publicKey: milan!, allowedIps: ['10.2.0.0/16'] }), state(peer))).toEqual([
      'public_key=milan',
      'allowed_ip=10.2.0.0/16',
    ]);
  });

  test('moves a range by adding it to its new holder, without touching the old one', () => {
    const actual = state({ publicKey: rome!, allowedIps: ['10.1.0.0/16', '10.2.0.0/16'] }, { publicKey: milan! });
    const desired = config(
      { publicKey: rome!, allowedIps: ['10.1.0.0/16'] },
      { publicKey: milan!, allowedIps: ['10.2.0.0/16'] },
    );
    expect(told(desired, actual)).toEqual(['public_key=milan', 'update_only=true', 'allowed_ip=10.2.0.0/16']);
  });

  test('replaces the list where a range is nobody’s any more', () => {
    const actual = state({ publicKey: rome!, allowedIps: ['10.1.0.0/16', '10.2.0.0/16'] });
    expect(told(config({ publicKey: rome!, allowedIps: ['10.1.0.0/16'] }), actual)).toEqual([
      'public_key=rome',
      'update_only=true',
      'replace_allowed_ips=true',
      'allowed_ip=10.1.0.0/16',
    ]);
  });

  test('removes a peer after its ranges have a new holder', () => {
    const actual = state({ publicKey: rome!, allowedIps: ['10.1.0.0/16'] });
    expect(told(config({ publicKey: turin!, allowedIps: ['10.1.0.0/16'] }), actual)).toEqual([
      'public_key=turin',
      'allowed_ip=10.1.0.0/16',
      'public_key=rome',
      'remove=true',
    ]);
  });

  test.each([
    ['has roamed', '198.51.100.9:4000', '192.0.2.1:51820', '192.0.2.1:51820', []],
    ['is wanted elsewhere', '192.0.2.1:51820', '192.0.2.1:51820', '192.0.2.2:51820', ['endpoint=192.0.2.2:51820']],
    ['was added anew by hand', undefined, '192.0.2.1:51820', '192.0.2.1:51820', ['endpoint=192.0.2.1:51820']],
    ['cannot be dialled any more', '192.0.2.1:51820', '192.0.2.1:51820', undefined, []],
    ['was configured by an earlier process', '192.0.2.1:51820', undefined, '192.0.2.1:51820', []],
  ])('sets the endpoint only where it must: a peer that %s', (_, endpoint, configuredEndpoint, wanted, lines) => {
    const actual = state({
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(configuredEndpoint === undefined ? {} : { configuredEndpoint }),
    });
    const desired = config({ publicKey: rome!, allowedIps: [], ...(wanted === undefined ? {} : { endpoint: wanted }) });
    expect(told(desired, actual).filter((line) => line.startsWith('endpoint'))).toEqual(lines);
  });

  test('takes away a preshared key that is not wanted', () => {
    const actual = state({ presharedKey });
    expect(told(config({ publicKey: rome!, allowedIps: [] }), actual)).toContain(`preshared_key=${'0'.repeat(64)}`);
  });

  test('resets a session by one call with the same ranges and preshared key', () => {
    const [peer] = state({
      allowedIps: ['10.1.0.0/16'],
      endpoint: '192.0.2.1:51820',
      presharedKey,
      keepaliveSeconds: 5,
    }).peers;
    expect(renderSet(planSessionReset(peer!)).split('\n')).toEqual([
      'set=1',
      `public_key=${publicKeyHex(rome!)}`,
      'remove=true',
      `public_key=${publicKeyHex(rome!)}`,
      `preshared_key=${presharedKey.hex()}`,
      'endpoint=192.0.2.1:51820',
      'persistent_keepalive_interval=5',
      'allowed_ip=10.1.0.0/16',
      '',
      '',
    ]);
    expect(publicKeyOf(privateKey)).toHaveLength(44);
  });
});
