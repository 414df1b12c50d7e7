import type { DiscoveredCluster, Peer } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import { type Clock, done, type Log, type Reconciler } from '#pkg/runtime';
import { requestPeering } from '../command/request-peering.ts';
import { stands } from '../peer-view.ts';
import type { Rules } from './rules.ts';

export interface AskByRuleDeps {
  readonly found: { get(key: string): DiscoveredCluster | undefined };
  readonly peers: { list(): readonly Peer[] };
  readonly rules: Rules;
  readonly client: KubeClient;
  readonly clusterName: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Peers that wait for approval at once: a zone with a thousand records must not make a thousand Peers. */
const MAX_ASKED = 50;

/**
 * Asks clusters that a PeeringRule of action Ask names, as `tombolo peer` would. A cluster that is a peer already, that is
 * waited for, or that said no, is left alone: its Peer stands for it.
 */
export function askByRuleReconciler(deps: AskByRuleDeps): Reconciler {
  const { found, peers, rules, client, clusterName, clock, log } = deps;
  return {
    name: 'ask-by-rule',
    async reconcile(key, signal) {
      const record = found.get(key);
      const rule = record === undefined ? undefined : rules.asking(record);
      if (record === undefined || rule === undefined) return done;
      const known = peers.list();
      if (known.some((peer) => peer.spec.fingerprint === record.spec.fingerprint)) return done;
      const asked = known.filter((peer) => peer.spec.request !== undefined && !stands(peer, 'Consume')).length;
      if (asked >= MAX_ASKED) {
        log.warn({ found: key, asked }, 'a cluster is not asked: too many are waited for already');
        return done;
      }
      const { peer } = await requestPeering(client, {
        target: {
          clusterName: record.spec.clusterName,
          fingerprint: record.spec.fingerprint,
          addresses: record.status?.addresses ?? [],
        },
        cluster: clusterName,
        now: clock.wall(),
        signal,
        ...(rule.spec.resources === undefined ? {} : { resources: rule.spec.resources }),
      });
      log.info({ found: key, rule: rule.metadata.name, peer }, 'a cluster that was found is asked by a rule');
      return done;
    },
  };
}
