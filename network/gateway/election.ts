import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { SecretKey } from '#network/wireguard';
import type { Informer, KubeClient, Lease, Pod } from '#pkg/kube';
import { type Clock, errorFields, type Log } from '#pkg/runtime';
import { heartbeatCodec } from './heartbeat.ts';
import { type Announcement, claimOf, writeClaim } from './lease.ts';
import { HEARTBEAT_MS, RENEW_MS, Role } from './role.ts';

export interface ElectionDeps {
  readonly client: KubeClient;
  /** Our Lease, and nothing else. */
  readonly leases: Pick<Informer<Lease>, 'list' | 'on'>;
  /** All replicas of the gateway, this one too. */
  readonly replicas: Pick<Informer<Pod>, 'list'>;
  readonly podUid: string;
  readonly podAddress: string;
  readonly port: number;
  /** Of this cluster's tunnel: what only its replicas have. It may be exchanged at any time. */
  readonly key: () => SecretKey | undefined;
  readonly announcement: () => Announcement;
  /** The role has changed. */
  readonly onChange: (isActive: boolean) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** A claim that the API does not answer is tried again. */
const CLAIM_MS = 2_000;

/** After one that failed or lost, so that two standbys do not race in step. */
const CLAIM_PAUSE_MS = 300;

/** At the end: how long the others have for taking over while we go on. */
const HANDOVER_MS = 2_000;

/** Finds out, again and again, whether this replica forwards. Resolves after `signal` has aborted and the role is given up. */
export async function runElection(deps: ElectionDeps, signal: AbortSignal): Promise<void> {
  const { leases, replicas, podUid, key, clock, log, onChange } = deps;
  const role = new Role(podUid, clock.now());
  let made: { readonly secret: SecretKey; readonly codec: ReturnType<typeof heartbeatCodec> } | undefined;
  const codec = () => {
    const secret = key();
    if (secret === undefined) return undefined;
    if (made?.secret !== secret) made = { secret, codec: heartbeatCodec(secret) };
    return made.codec;
  };
  let standing: Lease | undefined;
  let sequence = 0;
  let wasActive = false;
  let renewedMs = -Infinity;
  const follow = () => {
    if (role.isActive === wasActive) return;
    wasActive = role.isActive;
    log.info({ epoch: role.epoch }, wasActive ? 'this replica forwards' : 'this replica stands by');
    onChange(wasActive);
  };
  const others = () => replicas.list().filter((pod) => pod.metadata.uid !== podUid && isRunning(pod));
  using socket = await openSocket(deps, (datagram) => {
    const heartbeat = codec()?.decode(datagram);
    // Only of pods that are there: what a dead one said once may come again.
    if (heartbeat === undefined || !others().some((pod) => pod.metadata.uid === heartbeat.from)) return;
    role.heard(heartbeat, clock.now());
    follow();
  });
  using _leases = leases.on(() => {
    [standing] = leases.list();
    role.sawClaim(claimOf(standing), clock.now());
    follow();
  });
  const beat = (isActive: boolean) => {
    sequence += 1;
    const datagram = codec()?.encode({ from: podUid, epoch: role.epoch, isActive, sequence });
    if (datagram === undefined) return;
    for (const { status } of others()) if (status?.podIP !== undefined) socket.send(datagram, deps.port, status.podIP);
  };
  const claim = async (epoch: number) => {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(CLAIM_MS)]);
    const written = await writeClaim(
      deps.client,
      standing,
      { holder: podUid, epoch },
      deps.announcement(),
      clock,
      inTime,
    );
    if (written === undefined) return false;
    standing = written;
    renewedMs = clock.now();
    role.claimed(epoch, clock.now());
    role.sawClaim(claimOf(written), clock.now());
    return true;
  };
  while (!signal.aborted) {
    beat(role.isActive);
    role.tick(clock.now());
    role.keepOnly(new Set(replicas.list().map(({ metadata }) => metadata.uid ?? '')));
    const holder = standing?.spec?.holderIdentity;
    const isHolderThere = others().some(({ metadata }) => metadata.uid === holder);
    const isDue = role.isActive && clock.now() - renewedMs > RENEW_MS;
    if (isDue || role.shouldClaim(clock.now(), isHolderThere)) {
      const epoch = role.isActive ? role.epoch : Math.max(role.epoch, standing?.spec?.leaseTransitions ?? 0) + 1;
      // Renewals are not waited for: heartbeats must go on while the API is away, and the role with them.
      const attempt = claim(epoch)
        .catch((error: unknown) => {
          if (!signal.aborted) log.warn(errorFields(error), 'the lease of the gateway could not be written');
          return false;
        })
        .then((isWritten) => {
          if (!isWritten) renewedMs = clock.now() - RENEW_MS + CLAIM_PAUSE_MS;
          follow();
          return isWritten;
        });
      if (isDue) renewedMs = clock.now();
      else if (!(await attempt)) await clock.sleep(CLAIM_PAUSE_MS, signal).catch(() => {}); // rejects only at the end
    }
    await clock.sleep(HEARTBEAT_MS, signal).catch(() => {}); // rejects only at the end
  }
  await handOver();

  /** Tells the others and goes on until one of them has taken over, or for a short while. */
  async function handOver(): Promise<void> {
    const end = clock.now() + (others().length === 0 ? 0 : HANDOVER_MS);
    const never = new AbortController().signal;
    while (role.isActive && clock.now() < end) {
      beat(false);
      await clock.sleep(HEARTBEAT_MS, never);
    }
    role.leave();
    follow();
  }
}

function isRunning({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined ? status?.phase === 'Running' : status?.podIP !== undefined;
}

async function openSocket(
  { podAddress, port, log }: ElectionDeps,
  onMessage: (datagram: Uint8Array) => void,
): Promise<{ send(data: Uint8Array, port: number, address: string): void } & Disposable> {
  const socket: Socket = createSocket(isIPv6(podAddress) ? 'udp6' : 'udp4');
  const listening = Promise.withResolvers<void>();
  socket.once('error', listening.reject);
  socket.bind(port, podAddress, listening.resolve);
  await listening.promise;
  socket.off('error', listening.reject);
  socket.on('error', (error) => log.warn(errorFields(error), 'heartbeats could not be received'));
  socket.on('message', onMessage);
  return {
    // A heartbeat that does not leave is one that is missed: the receiver counts them.
    send: (data, to, address) => socket.send(data, to, address, () => {}),
    [Symbol.dispose]: () => socket.close(),
  };
}
