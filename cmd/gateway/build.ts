import { isIP } from 'node:net';
import { GATEWAY_KEY_FILE } from '#network/cluster';
import { gatewayMetrics, runGateway } from '#network/gateway';
import { OFFER_SELECTOR, trimToAddresses } from '#network/isolation';
import {
  CLUSTER_NETWORK,
  type ClusterNetwork,
  LABEL,
  NAME,
  OFFLOADING,
  type Offloading,
  PEER,
  type Peer,
} from '#pkg/api';
import {
  connectCluster,
  ENDPOINT_SLICE,
  firstUnsynced,
  inClusterConfig,
  kubeMetrics,
  type KubeObject,
  LEASE,
  NAMESPACE,
  NODE,
  POD,
  runCaches,
  SECRET,
  trimNode,
} from '#pkg/kube';
import { loopLag, systemClock, TaskGroup } from '#pkg/runtime';
import { createLogger, createRegistry, serveHealth } from '#pkg/telemetry';
import type { GatewayFlags } from './flags.ts';

/** Everything of the process; connects nothing before `run`. */
export function buildGateway(flags: GatewayFlags): { run(signal: AbortSignal): Promise<void> } {
  const log = createLogger({ name: 'tombolo-gateway', level: flags.logLevel });
  const registry = createRegistry();
  return {
    async run(signal) {
      using lag = loopLag();
      await using home = connectCluster(inClusterConfig(flags.clusterName), {
        log,
        metrics: await kubeMetrics(registry),
      });
      const namespace = flags.systemNamespace;
      const named = (name: string) => ({ namespace, fieldSelector: `metadata.name=${name}` });
      const informers = {
        networks: home.informer<ClusterNetwork>(CLUSTER_NETWORK),
        nodes: home.informer(NODE, { transform: trimNode }),
        peers: home.informer<Peer>(PEER),
        pods: home.informer(POD, { transform: trimToAddresses }),
        namespaces: home.informer<KubeObject>(NAMESPACE, { labelSelector: LABEL.origin, metadataOnly: true }),
        offloadings: home.informer<Offloading>(OFFLOADING),
        offers: home.informer(ENDPOINT_SLICE, { labelSelector: OFFER_SELECTOR }),
        leases: home.informer(LEASE, named(NAME.gatewayLease)),
        replicas: home.informer(POD, { namespace, labelSelector: 'tombolo.io/component=gateway' }),
        keys: home.informer(SECRET, named(NAME.gatewayKeySecret)),
      };
      const homeApi = isIP(flags.apiHost) === 0 ? undefined : { target: flags.apiHost, port: flags.apiPort };
      if (homeApi === undefined) {
        log.warn({ host: flags.apiHost }, 'pods at peers cannot reach this API: KUBERNETES_SERVICE_HOST is no address');
      }
      // The caches outlive the signal: while another replica takes over, this one still forwards.
      const serving = new AbortController();
      await using group = new TaskGroup(serving.signal);
      runCaches(informers, group);
      const health = {
        port: flags.healthPort,
        registry,
        loopLagMs: () => lag.maxMs(),
        notReady: () => firstUnsynced(informers),
      };
      group.start('health', (inner) => serveHealth(health, inner));
      group.start('gateway', async (inner) => {
        await runGateway(
          {
            client: home.client,
            informers,
            keyFile: GATEWAY_KEY_FILE,
            podUid: flags.podUid,
            podAddress: flags.podIp,
            ports: {
              tunnel: flags.tunnelPort,
              overlay: flags.overlayPort,
              probe: flags.probePort,
              heartbeat: flags.heartbeatPort,
            },
            homeApi,
            implementation: flags.wireguard,
            metrics: await gatewayMetrics(registry),
            clock: systemClock,
            log,
          },
          AbortSignal.any([signal, inner]),
        );
        serving.abort(signal.reason);
      });
      await group.settled;
    },
  };
}
