import { NAME } from '#pkg/api';
import { discoveryMetrics } from '#pkg/discovery';
import {
  connectCluster,
  eventRecorder,
  firstUnsynced,
  inClusterConfig,
  kubeLeaseStore,
  kubeMetrics,
  startCaches,
} from '#pkg/kube';
import { webhookCertificates } from '#pkg/offloading';
import { loadOrCreateIdentity, type ProviderOptions } from '#pkg/peering';
import { loopLag, runLeader, runtimeMetrics, systemClock, TaskGroup } from '#pkg/runtime';
import { createLogger, createRegistry, serveHealth } from '#pkg/telemetry';
import packageJson from '../../package.json' with { type: 'json' };
import { replicaCaches } from './caches.ts';
import type { ControllerFlags } from './flags.ts';
import { lead } from './lead.ts';
import { leaderLabel } from './leader-label.ts';
import { ownAddresses } from './own-addresses.ts';
import { runPeeringEndpoint } from './peering-endpoint.ts';
import { runAdmission } from './webhooks.ts';

/**
 * A leader that is killed is followed after 10 s: the quota webhook fails closed until then. An API server that restarts takes
 * 5 s on a good machine, and that shall not cost the term.
 */
const LEASE = { durationMs: 10_000, renewDeadlineMs: 7_000, retryMs: 1_000 };

/** Everything of the process; connects nothing before `run`. */
export function buildController(flags: ControllerFlags): { run(signal: AbortSignal): Promise<void> } {
  const log = createLogger({ name: 'tombolo-controller', level: flags.logLevel });
  const registry = createRegistry();
  return {
    async run(signal) {
      using lag = loopLag();
      await using home = connectCluster(inClusterConfig(flags.clusterName), {
        log,
        metrics: await kubeMetrics(registry),
      });
      const { client } = home;
      const clock = systemClock;
      const caches = replicaCaches(home);
      await using group = new TaskGroup(signal);
      const starting = new Set(['peering endpoint', 'webhooks']);
      const health = {
        port: flags.healthPort,
        registry,
        loopLagMs: () => lag.maxMs(),
        notReady: () => firstUnsynced(caches) ?? [...starting][0],
      };
      group.start('health', (inner) => serveHealth(health, inner));
      await startCaches(caches, group);
      if (group.signal.aborted) return await group.settled;

      const identity = await loadOrCreateIdentity(client, group.signal);
      const provider: ProviderOptions = {
        clusterName: flags.clusterName,
        version: packageJson.version,
        tokenLifetimeSeconds: flags.tokenLifetimeSeconds,
        requestLifetimeSeconds: flags.requestLifetimeSeconds,
        ...(flags.apiServer !== '' && { apiServer: flags.apiServer }),
      };
      const events = eventRecorder(client, { component: 'tombolo-controller', host: flags.podName, log });
      group.start('events', (inner) => events.run(inner));
      const addresses = ownAddresses(home, flags.systemNamespace, group);
      const certificates = webhookCertificates({ home, log, clock, namespace: flags.systemNamespace });
      const context = {
        flags,
        certificates,
        home,
        identity,
        provider,
        addresses,
        caches,
        events,
        metrics: await runtimeMetrics(registry),
        discoveryMetrics: await discoveryMetrics(registry),
        clock,
        log,
      };
      const label = leaderLabel({ client, namespace: flags.systemNamespace, podName: flags.podName, clock, log });
      group.start('leader label', (inner) => label.run(inner));
      group.start('webhook certificates', (inner) => certificates.run(inner));
      group.start('peering endpoint', (inner) =>
        runPeeringEndpoint(context, () => starting.delete('peering endpoint'), inner),
      );
      group.start('webhooks', (inner) => runAdmission(context, () => starting.delete('webhooks'), inner));
      group.start('leader', (inner) =>
        runLeader({
          ...LEASE,
          store: kubeLeaseStore(client, { namespace: flags.systemNamespace, name: NAME.leaderLease }),
          identity: flags.podUid,
          clock,
          signal: inner,
          lead: (leading) => lead(context, label, leading),
          log,
        }),
      );
      await group.settled;
    },
  };
}
