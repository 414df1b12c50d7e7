import { describe, expect, test } from 'vitest';
import { generatePresharedKey, generatePrivateKey, publicKeyOf } from './keys.ts';
import { parseDump, renderWgSet } from './wg-tool.ts';

const privateKey = generatePrivateKey();
const presharedKey = generatePresharedKey();
const peer = publicKeyOf(generatePrivateKey());

describe('renderWgSet', () => {
  test('names secrets by file only', () => {
    const { args, files } = renderWgSet(
      'wg0',
      {
        privateKey,
        listenPort: 51_820,
        firewallMark: 0,
        steps: [
          { do: 'set', publicKey: peer, isNew: true, presharedKey, endpoint: '192.0.2.1:51820', keepaliveSeconds: 0 },
          {
            do: 'set',
            publicKey: peer,
            isNew: false,
            presharedKey: 'none',
            allowedIps: { all: ['10.61.0.0/16', 'fd61::/64'], added: ['fd61::/64'], replace: false },
          },
          { do: 'remove', publicKey: peer },
        ],
      },
      (file) => `/dev/shm/${file}`,
    );
    expect(args.join(' ').replaceAll(peer, 'PEER').replaceAll(' peer', '\npeer').split('\n')).toEqual([
      'set wg0 private-key /dev/shm/key-0 listen-port 51820 fwmark off',
      'peer PEER preshared-key /dev/shm/key-1 endpoint 192.0.2.1:51820 persistent-keepalive off',
      'peer PEER preshared-key /dev/null allowed-ips 10.61.0.0/16,fd61::/64',
      'peer PEER remove',
    ]);
    expect([...files]).toEqual([
      ['key-0', privateKey],
      ['key-1', presharedKey],
    ]);
  });
});

describe('parseDump', () => {
  test('reads what has never been configured', () => {
    const dump = `(none)\t(none)\t0\toff\n${peer}\t(none)\t(none)\t(none)\t0\t0\t0\toff\n`;
    expect(parseDump('wg0', dump)).toEqual({
      listenPort: 0,
      firewallMark: 0,
      peers: [{ publicKey: peer, allowedIps: [], keepaliveSeconds: 0, receivedBytes: 0, sentBytes: 0 }],
    });
  });

  test.each([
    ['', 'the first line has not 4 fields'],
    ['(none)\t(none)\tx\toff\n', '"x" is no number'],
    [`(none)\t(none)\t0\toff\n${peer}\t(none)\n`, 'a peer has not 8 fields'],
  ])('refuses %j', (dump, why) => {
    expect(() => parseDump('wg0', dump)).toThrow(why);
  });
});
