import { expect, test } from 'vitest';
import { WireguardError } from '#network/wireguard';
import type { Peer } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import { systemClock } from '#pkg/runtime';
import { reportDeviceProblem } from './device-problem.ts';
import type { GatewayDeps } from './gateway-deps.ts';

const NO_RIGHT = new WireguardError('MissingCapability', {
  attempted: 'open a WireGuard device',
  where: 'tombolo-wg',
  why: 'this process has not the capability NET_ADMIN',
});

/** What is written of two peers by the replica `me`, while the replica `holder` has the Lease. */
async function written(error: Error, holder: 'me' | 'other' | 'gone'): Promise<string[]> {
  const lines: string[] = [];
  const client = {
    apply: async (_: unknown, { metadata, status }: Peer) => {
      const [said] = status?.conditions ?? [];
      lines.push(`${metadata.name} ${said?.status} ${said?.reason}: ${said?.message}`);
    },
  } as unknown as KubeClient;
  const cache = <T>(...items: T[]) => ({ list: () => items });
  const standing = {
    type: 'NetworkReady',
    status: 'False',
    reason: 'NoFreeRange',
    message: 'm',
    lastTransitionTime: '',
  };
  const informers = {
    peers: cache(
      { metadata: { name: 'rome' }, spec: { roles: [] } },
      { metadata: { name: 'turin' }, spec: { roles: [] }, status: { conditions: [standing] } },
    ),
    leases: cache({ spec: { holderIdentity: holder } }),
    replicas: cache(...['me', 'other'].map((uid) => ({ metadata: { uid }, status: { phase: 'Running' } }))),
  } as unknown as GatewayDeps['informers'];
  const deps = { client, informers, podUid: 'me', clock: systemClock };
  await reportDeviceProblem(deps, error, AbortSignal.timeout(5_000));
  return lines;
}

test('a gateway without the right, and none beside it, says so on its peers, and leaves a word about ranges', async () => {
  const said = [`rome False MissingCapability: ${NO_RIGHT.message}`];
  expect(NO_RIGHT.message).toMatch(/NET_ADMIN.*give the gateway the capability/s);
  expect(await written(NO_RIGHT, 'me')).toEqual(said);
  expect(await written(NO_RIGHT, 'gone')).toEqual(said);
});

test('nothing is said while another replica forwards, or of what a new try may solve', async () => {
  expect(await written(NO_RIGHT, 'other')).toEqual([]);
  const busy = new WireguardError('DeviceBusy', { attempted: 'a', where: 'b', why: 'c' });
  expect(await written(busy, 'gone')).toEqual([]);
});
