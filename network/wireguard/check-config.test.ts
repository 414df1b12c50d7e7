import { describe, expect, test } from 'vitest';
import { checkConfig, checkDeviceName } from './check-config.ts';
import type { WireguardConfig, WireguardPeer } from './config.ts';
import { generatePrivateKey, publicKeyOf } from './keys.ts';

const privateKey = generatePrivateKey();
const [rome, milan] = [publicKeyOf(generatePrivateKey()), publicKeyOf(generatePrivateKey())];
const good: WireguardConfig = {
  privateKey,
  listenPort: 51_820,
  mtuBytes: 1_420,
  addresses: ['10.200.0.1/20', 'fd20::1/64'],
  peers: [
    { publicKey: rome, endpoint: '192.0.2.1:51820', allowedIps: ['10.61.0.0/16', '0.0.0.0/0'] },
    {
      publicKey: milan,
      endpoint: '[2001:db8::1]:51820',
      allowedIps: ['fd61::/64', 'fd62::1/128'],
      keepaliveSeconds: 25,
    },
  ],
};
const withPeer = (peer: Partial<WireguardPeer>): Partial<WireguardConfig> => ({
  peers: [{ publicKey: rome, allowedIps: [], ...peer }],
});

describe('checkConfig', () => {
  test('takes both families', () => expect(() => checkConfig('wg0', good)).not.toThrow());

  test.each<[string, Partial<WireguardConfig>]>([
    ['the listen port 0', { listenPort: 0 }],
    ['the MTU 1279', { mtuBytes: 1_279 }],
    ['the mark -1', { firewallMark: -1 }],
    ['the address "10.200.0.1"', { addresses: ['10.200.0.1'] }],
    ['the address "10.200.0.1/33"', { addresses: ['10.200.0.1/33'] }],
    ['the address "fd20:0::1/64"', { addresses: ['fd20:0::1/64'] }],
    ['has our own key', withPeer({ publicKey: publicKeyOf(privateKey) })],
    ['is there twice', { peers: [...good.peers, { publicKey: rome, allowedIps: [] }] }],
    ['the endpoint "peer.example:51820"', withPeer({ endpoint: 'peer.example:51820' })],
    ['the endpoint "192.0.2.1:65536"', withPeer({ endpoint: '192.0.2.1:65536' })],
    ['the endpoint "192.0.2.01:51820"', withPeer({ endpoint: '192.0.2.01:51820' })],
    ['the endpoint "[2001:DB8::1]:51820"', withPeer({ endpoint: '[2001:DB8::1]:51820' })],
    ['the endpoint "192.0.2.1:51820\\nremove=true"', withPeer({ endpoint: '192.0.2.1:51820\nremove=true' })],
    ['the range "10.61.0.1/16"', withPeer({ allowedIps: ['10.61.0.1/16'] })],
    ['the range "fd61:0::/64"', withPeer({ allowedIps: ['fd61:0::/64'] })],
    ['the range "::ffff:10.1.0.0/112"', withPeer({ allowedIps: ['::ffff:10.1.0.0/112'] })],
    ['the keepalive 65536', withPeer({ keepaliveSeconds: 65_536 })],
    ['the range 10.61.0.0/16 is asked for', withPeer({ allowedIps: ['10.61.0.0/16', '10.61.0.0/16'] })],
  ])('refuses a configuration: %s', (why, change) => {
    const check = () => checkConfig('wg0', { ...good, ...change });
    expect(check).toThrow(expect.objectContaining({ code: 'WireguardConfigInvalid' }));
    expect(check).toThrow(why.replace('\\n', '\n'));
  });

  test.each(['', 'wg 0', '../wg0', 'wg/0', '-wg0', 'sixteen-letters-'])('refuses the device name "%s"', (name) => {
    expect(() => checkDeviceName(name)).toThrow('an interface name has');
  });
});
