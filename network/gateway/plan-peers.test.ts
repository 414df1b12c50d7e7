import { expect, test } from 'vitest';
import { generatePrivateKey, publicKeyOf } from '#network/wireguard';
import type { Peer, PeerNetwork } from '#pkg/api';
import { planPeers } from './plan-peers.ts';

const [OWN, A, B] = [0, 1, 2].map(() => publicKeyOf(generatePrivateKey()));
if (OWN === undefined || A === undefined || B === undefined) throw new Error('three keys are needed');

const peer = (name: string, network: PeerNetwork, more: object = {}): Peer => ({
  metadata: { name, ...more },
  spec: { roles: [] },
  status: { network },
});
const network = (publicKey: string, alias = '10.61.0.0/16'): PeerNetwork => ({
  publicKey,
  endpoints: ['rome.example:51820'],
  gatewayAddress: '10.244.0.2',
  aliases: [{ original: '10.244.0.0/16', alias }],
  ourAliases: [{ original: '10.244.0.0/16', alias: '10.71.0.0/16' }],
});

test('a peer that has told everything takes part, with its gateway as it is seen here', () => {
  expect(planPeers([peer('rome', network(A))], OWN)).toEqual({
    usable: [
      {
        name: 'rome',
        publicKey: A,
        endpoints: ['rome.example:51820'],
        probeAddress: '10.61.0.2',
        nat: {
          name: 'rome',
          ranges: ['10.61.0.0/16'],
          announced: [{ original: '10.244.0.0/16', alias: '10.71.0.0/16' }],
        },
      },
    ],
    unusable: [],
  });
});

test('the API here is reached by the address under which the peer sees it, unless that is none', () => {
  const addresses = ['10.73.0.1', '10.73.0.1/32', undefined].map((homeApiAddress) => {
    const told = { ...network(A), ...(homeApiAddress !== undefined && { homeApiAddress }) };
    return planPeers([peer('rome', told)], OWN).usable[0]?.nat.homeApiAddress;
  });
  expect(addresses).toEqual(['10.73.0.1', undefined, undefined]);
});

test('what two peers claim stays with the first by name, and the others keep their tunnels', () => {
  const { usable, unusable } = planPeers(
    [
      peer('turin', network(A, '10.62.0.0/16')),
      peer('rome', network(A)),
      peer('pisa', network(OWN, '10.63.0.0/16')),
      peer('siena', network(B, '10.61.128.0/17')),
      peer('udine', network('no key', '10.64.0.0/16')),
      peer('genoa', {}),
      peer('bari', { publicKey: B, aliases: [] }),
    ],
    OWN,
  );
  expect(usable.map(({ name }) => name)).toEqual(['rome']);
  expect(unusable.map(({ name, reason }) => `${name} ${reason}`)).toEqual([
    'bari NoAlias',
    'genoa NoGateway',
    'pisa KeyTaken',
    'siena NoAlias',
    'turin KeyTaken',
    'udine KeyInvalid',
  ]);
});

test('ranges that overlap those of another peer are refused', () => {
  const second = { ...network(B), aliases: [{ original: '10.244.0.0/17', alias: '10.61.128.0/17' }] };
  const { usable, unusable } = planPeers([peer('rome', network(A)), peer('siena', second)], OWN);
  expect(usable.map(({ name }) => name)).toEqual(['rome']);
  expect(unusable[0]?.reason).toBe('AliasTaken');
});

test('a peer that is being deleted has no tunnel, and nothing is said of it', () => {
  const going = peer('rome', network(A), { deletionTimestamp: '2026-01-01T00:00:00Z' });
  expect(planPeers([going], OWN)).toEqual({ usable: [], unusable: [] });
});

test('NET-37 one that wants no tunnel has none, whatever it told before', () => {
  const { usable, unusable } = planPeers([peer('rome', { ...network(A), mode: 'None' })], OWN);
  expect(usable).toEqual([]);
  expect(unusable).toMatchObject([{ name: 'rome', reason: 'NoTunnel' }]);
});
