import { NAME } from '#pkg/api';
import { connectCluster, eventRecorder, inClusterConfig, kubeLeaseStore, kubeMetrics } from '#pkg/kube';
import { loadOrCreateIdentity, type ProviderOptions } from '#pkg/peering';
import { loopLag, runLeader, runtimeMetrics, systemClock, TaskGroup } from '#pkg/runtime';
import { createLogger, createRegistry, serveHealth } from '#pkg/telemetry';
import packageJson from '../../package.json' with { type: 'json' };
import { firstUnsynced, replicaCaches, startCaches } from './caches.ts';
import type { ControllerFlags } from './flags.ts';
import { lead } from './lead.ts';
import { removeLeaderLabel } from './leader-label.ts';
import { ownAddresses } from './own-addresses.ts';
import { runPeeringEndpoint } from './peering-endpoint.ts';
import { type QuotaDecision, runWebhooks } from './webhooks.ts';

/** A leader that is killed is followed after 6 s: the quota webhook fails closed until then. */
const LEASE = { durationMs: 6_000, renewDeadlineMs: 4_000, retryMs: 1_000 };

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
      group.start('health', (inner) =>
        serveHealth(
          {
            port: flags.healthPort,
            registry,
            loopLagMs: () => lag.maxMs(),
            notReady: () => firstUnsynced(caches) ?? [...starting][0],
          },
          inner,
        ),
      );
      await removeLeaderLabel({ client, namespace: flags.systemNamespace, podName: flags.podName, clock, log });
      await startCaches(caches, group);
      if (group.signal.aborted) return await group.settled;

      const identity = await loadOrCreateIdentity(client, group.signal);
      const provider: ProviderOptions = {
        clusterName: flags.clusterName,
        version: packageJson.version,
        tokenLifetimeSeconds: flags.tokenLifetimeSeconds,
        ...(flags.apiServer !== '' && { apiServer: flags.apiServer }),
      };
      const events = eventRecorder(client, { component: 'tombolo-controller', host: flags.podName, log });
      group.start('events', (inner) => events.run(inner));
      const addresses = ownAddresses(home, flags.systemNamespace, group);
      const context = {
        flags,
        home,
        identity,
        provider,
        addresses,
        caches,
        events,
        metrics: await runtimeMetrics(registry),
        clock,
        log,
      };
      const quota: QuotaDecision = { current: undefined };
      group.start('peering endpoint', (inner) =>
        runPeeringEndpoint(context, () => starting.delete('peering endpoint'), inner),
      );
      group.start('webhooks', (inner) => runWebhooks(context, quota, () => starting.delete('webhooks'), inner));
      group.start('leader', (inner) =>
        runLeader({
          ...LEASE,
          store: kubeLeaseStore(client, { namespace: flags.systemNamespace, name: NAME.leaderLease }),
          identity: flags.podUid,
          clock,
          signal: inner,
          lead: (leading) => lead(context, quota, leading),
          log,
        }),
      );
      await group.settled;
    },
  };
}
