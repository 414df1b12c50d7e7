import {
  NAME,
  OFFLOADING,
  type Offloading,
  PEER,
  type Peer,
  REFLECTION_POLICY,
  type ReflectionPolicy,
  VIRTUAL_NODE,
  type VirtualNode,
} from '#pkg/api';
import {
  connectCluster,
  eventRecorder,
  firstUnsynced,
  inClusterConfig,
  kubeMetrics,
  SECRET,
  startCaches,
} from '#pkg/kube';
import { authenticator, clientAuthorities, replicaShares } from '#pkg/node';
import { PEER_SECRETS_SELECTOR, peerClusters } from '#pkg/peering';
import { keyedTasks, loopLag, TaskGroup } from '#pkg/runtime';
import { createLogger, createRegistry, serveHealth } from '#pkg/telemetry';
import { denyPrefixes } from '#reflectors/framework';
import packageJson from '../../package.json' with { type: 'json' };
import type { KubeletFlags } from './flags.ts';
import { servePeer } from './peer.ts';

/** Everything of the process; connects nothing before `run`. */
export function buildKubelet(flags: KubeletFlags): { run(signal: AbortSignal): Promise<void> } {
  const log = createLogger({ name: 'tombolo-kubelet', level: flags.logLevel });
  const registry = createRegistry();
  return {
    async run(signal) {
      using lag = loopLag();
      await using home = connectCluster(inClusterConfig(flags.clusterName), {
        log,
        metrics: await kubeMetrics(registry),
      });
      const virtualNodes = home.informer<VirtualNode>(VIRTUAL_NODE);
      const offloadings = home.informer<Offloading>(OFFLOADING);
      const peerObjects = home.informer<Peer>(PEER);
      const policies = home.informer<ReflectionPolicy>(REFLECTION_POLICY);
      const credentials = home.informer(SECRET, {
        namespace: flags.systemNamespace,
        labelSelector: PEER_SECRETS_SELECTOR,
      });
      const caches = { virtualNodes, offloadings, peers: peerObjects, policies, credentials };
      const events = eventRecorder(home.client, { component: 'tombolo-kubelet', host: flags.podName, log });
      const peers = peerClusters({ home, credentials, log, version: packageJson.version });
      const authorities = clientAuthorities(home, { log });
      const shares = replicaShares({ home, identity: flags.podUid, namespace: flags.systemNamespace, log });

      await using group = new TaskGroup(signal);
      group.start('events', (inner) => events.run(inner));
      group.start('client authorities', (inner) => authorities.run(inner));
      const health = {
        port: flags.healthPort,
        registry,
        loopLagMs: () => lag.maxMs(),
        notReady: () => firstUnsynced(caches),
      };
      group.start('health', (inner) => serveHealth(health, inner));
      await startCaches(caches, group);
      if (group.signal.aborted) return await group.settled;

      group.start('peers', (inner) => peers.run(inner));
      const deps = {
        home,
        peers,
        peerObjects,
        virtualNodes,
        offloadings,
        policies,
        events,
        authenticate: authenticator(home.client),
        clientAuthorities: authorities,
        address: flags.podIp,
        basePort: flags.basePort,
        signerName: flags.signer,
        version: packageJson.version,
        hasGateway: flags.network === 'on',
        apiAccess: (namespace: string) => offloadings.get(`${namespace}/${NAME.offloading}`)?.spec.apiAccess,
        denyPrefixes: (namespace: string) => denyPrefixes(namespace, policies.list()),
        onDenyChange: (handler: () => void) => policies.on(() => handler()),
        log,
      };
      const served = keyedTasks(group.signal, (peer, inner) => servePeer(peer, deps, inner), { log });
      using _shares = shares.on(async (owned) => {
        served.set(owned);
        await served.stopped(); // the lease is released only when nothing of it runs here any more
      });
      const share = () => shares.setPeers(new Set(virtualNodes.list().map((virtualNode) => virtualNode.spec.peer)));
      using _nodes = virtualNodes.on(share);
      share();
      group.start('shares', (inner) => shares.run(inner));
      try {
        await group.settled;
      } finally {
        await served[Symbol.asyncDispose]();
      }
    },
  };
}
