import { isIPv6 } from 'node:net';
import { linkMtu, linkPeer, overlayMtu } from '#network/overlay';
import { type Device, openDevice } from '#network/wireguard';
import { TaskGroup } from '#pkg/runtime';
import { reportDeviceProblem } from './device-problem.ts';
import { runElection } from './election.ts';
import { followObjects } from './follow-objects.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { GatewayKey } from './gateway-key.ts';
import { Gateway } from './gateway.ts';
import { TUNNEL_DEVICE } from './plan-gateway.ts';

/** A scrape must not wait for a device that hangs. */
const SCRAPE_MS = 5_000;

/** The gateway of this cluster in one pod, until `signal` aborts. @throws WireguardError where the device cannot be opened */
export async function runGateway(deps: GatewayDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, clock, log, ports, podAddress, podUid } = deps;
  await Promise.all(Object.values(informers).map((informer) => informer.synced));
  const linkBytes = await linkMtu(podAddress);
  const linkNumber = await linkPeer(podAddress);
  const key = new GatewayKey(informers.keys, deps.keyFile);
  // Ends later than the signal: while another replica takes over, this one goes on.
  const serving = new AbortController();
  await using group = new TaskGroup(serving.signal);
  const device: Device = await openDevice({
    name: TUNNEL_DEVICE,
    signal: serving.signal,
    log,
    implementation: deps.implementation,
    onReplaced: () => gateway.deviceReplaced(),
  }).catch(async (error: unknown) => {
    await reportDeviceProblem(deps, error, group.signal);
    throw error;
  });
  const gateway = new Gateway(deps, { key, device, linkBytes, signal: group.signal });
  deps.metrics.follow(() => gateway.snapshot(AbortSignal.any([group.signal, AbortSignal.timeout(SCRAPE_MS)])));
  using _objects = followObjects(deps, gateway.loops);
  for (const [name, loop] of Object.entries(gateway.loops)) group.start(name, (inner) => loop.run(inner));
  group.start('election', async (inner) => {
    const until = AbortSignal.any([inner, signal]);
    await key.first(until);
    await runElection(
      {
        client,
        leases: informers.leases,
        replicas: informers.replicas,
        podUid,
        podAddress,
        port: ports.heartbeat,
        key: () => key.current(),
        announcement: () => ({
          address: podAddress,
          overlayMtuBytes: overlayMtu([linkBytes], isIPv6(podAddress) ? 6 : 4),
          link: { node: nodeOf(informers.replicas, podUid), number: linkNumber },
        }),
        onChange: (isActive) => gateway.setActive(isActive),
        clock,
        log,
      },
      until,
    );
    serving.abort(signal.reason);
  });
  await group.settled;
  await gateway.cleanup();
}

/** Of our own pod; empty while it is not in the cache, and then no node is the one. */
function nodeOf(replicas: GatewayDeps['informers']['replicas'], podUid: string): string {
  return replicas.list().find(({ metadata }) => metadata.uid === podUid)?.spec?.nodeName ?? '';
}
