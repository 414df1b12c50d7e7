import { type ConditionUpdate, getCondition, type Peer } from '#pkg/api';
import type { Informer, KubeClient, Lease } from '#pkg/kube';
import { type Clock, levelLoop, type Log } from '#pkg/runtime';
import { writeNetworkReady } from './network-ready.ts';

/** The gateway renews its Lease each 5 s. Together with a look, below the 20 s for which a True counts (PEER-33). */
const SILENT_MS = 15_000;
const LOOK_MS = 2_000;

export interface ReadyExpiryDeps {
  readonly client: KubeClient;
  /** Run by the caller. */
  readonly informers: {
    readonly peers: Informer<Peer>;
    /** The gateway's, and nothing else. */
    readonly gatewayLeases: Informer<Lease>;
  };
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Takes back what a gateway has said that gives no sign any more: `NetworkReady` becomes Unknown until one speaks again. Until
 * `signal` aborts, for the leader only. Its clock starts anew with each leader, so that an API server that was away, and with
 * it all renewals, is no silence.
 */
export async function expireNetworkReady(deps: ReadyExpiryDeps, signal: AbortSignal): Promise<void> {
  const { client, clock, log } = deps;
  const { peers, gatewayLeases } = deps.informers;
  await Promise.all([peers.synced, gatewayLeases.synced]);
  let sign: string | undefined;
  let seenMs = clock.now();
  const loop = levelLoop({
    name: 'gateway silence',
    everyMs: LOOK_MS,
    clock,
    log,
    async work(inner) {
      const renewed = gatewayLeases.list()[0]?.spec?.renewTime;
      if (String(renewed) !== sign) {
        sign = String(renewed);
        seenMs = clock.now();
      }
      if (clock.now() - seenMs <= SILENT_MS) return;
      for (const peer of peers.list()) {
        if (getCondition(peer.status?.conditions, 'NetworkReady')?.status !== 'True') continue;
        await writeNetworkReady(client, peer, SILENT, clock.wall(), inner);
      }
    },
  });
  await loop.run(signal);
}

const SILENT: ConditionUpdate = {
  type: 'NetworkReady',
  status: 'Unknown',
  reason: 'GatewaySilent',
  message: `our gateway has given no sign for ${SILENT_MS / 1_000} s: look at the pods tombolo-gateway`,
};
