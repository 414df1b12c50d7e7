import { describe, expect, test } from 'vitest';
import { generatePresharedKey, generatePrivateKey, publicKeyHex, publicKeyOf } from './keys.ts';
import { answerErrno, parseGet } from './uapi.ts';

const privateKey = generatePrivateKey();
const presharedKey = generatePresharedKey();
const [rome, milan] = [publicKeyOf(generatePrivateKey()), publicKeyOf(generatePrivateKey())];

const ANSWER = `private_key=${privateKey.hex()}
listen_port=51820
fwmark=7
public_key=${publicKeyHex(rome)}
preshared_key=${presharedKey.hex()}
protocol_version=1
endpoint=[2001:db8::1]:51820
last_handshake_time_sec=1700000000
last_handshake_time_nsec=250000000
tx_bytes=11
rx_bytes=22
persistent_keepalive_interval=25
allowed_ip=10.61.0.0/16
allowed_ip=fd61::/64
public_key=${publicKeyHex(milan)}
preshared_key=${'0'.repeat(64)}
errno=0

`;

describe('parseGet', () => {
  test('reads a device with its peers, and skips what it does not know', () => {
    const state = parseGet('wg0', ANSWER);
    expect(state).toMatchObject({ listenPort: 51_820, firewallMark: 7 });
    expect(state.privateKey?.equals(privateKey)).toBe(true);
    expect(state.peers).toEqual([
      {
        publicKey: rome,
        presharedKey,
        endpoint: '[2001:db8::1]:51820',
        allowedIps: ['10.61.0.0/16', 'fd61::/64'],
        keepaliveSeconds: 25,
        lastHandshakeAt: new Date('2023-11-14T22:13:20.250Z'),
        receivedBytes: 22,
        sentBytes: 11,
      },
      { publicKey: milan, allowedIps: [], keepaliveSeconds: 0, receivedBytes: 0, sentBytes: 0 },
    ]);
    expect(state.peers[0]?.presharedKey?.equals(presharedKey)).toBe(true);
  });

  test('reads a device that nobody has configured', () => {
    expect(parseGet('wg0', 'errno=0\n\n')).toEqual({ listenPort: 0, firewallMark: 0, peers: [] });
  });

  test('refuses what is no answer of a device', () => {
    const refused = expect.objectContaining({ code: 'DeviceRefused', why: 'listen_port is no number' });
    expect(() => parseGet('wg0', ANSWER.replace('51820\nfwmark', 'x\nfwmark'))).toThrow(refused);
  });
});

test('an answer ends with its errno and an empty line', () => {
  expect(answerErrno(ANSWER)).toBe(0);
  expect(answerErrno(ANSWER.trimEnd())).toBeUndefined();
  expect(answerErrno('errno=-98\n\n')).toBe(98);
  expect(answerErrno('allowed_ip=10.0.0.0/8\n')).toBeUndefined();
});
