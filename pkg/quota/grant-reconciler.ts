import { isDeepStrictEqual } from 'node:util';
import {
  type Condition,
  GRANT,
  type Grant,
  type GrantStatus,
  LABEL,
  NO_OFFERS,
  offerAnnotations,
  type Offers,
  type Peer,
  setCondition,
  tenantNamespace,
} from '#pkg/api';
import { type Informer, type KubeClient, type Namespace, type Node, splitKey } from '#pkg/kube';
import { addAmounts, type Amounts, parseAmounts } from '#pkg/quantity';
import { type Clock, done, type Reconciler, requeueAfter, systemClock } from '#pkg/runtime';
import { type Counting, grantedElsewhere } from './count-pods.ts';
import { decideGrant, type GrantDecision } from './decide-grant.ts';
import { eligibleNodes } from './eligible-nodes.ts';
import type { Ledger } from './ledger.ts';

/** `used` and `free` move with every pod: written at most this often, so that a burst costs no stored write per pod. */
const USE_INTERVAL_MS = 10_000;
/** What others place on the nodes changes `free` without an event of ours: looked at this often (NODE-40 allows 60 s). */
const RECHECK_MS = 30_000;

export interface GrantDeps {
  readonly client: KubeClient;
  readonly grants: Informer<Grant>;
  readonly nodes: Informer<Node>;
  readonly peers: Informer<Peer>;
  readonly ledger: Ledger;
  readonly counting: Counting;
  /** Labels of nodes to show besides topology, arch, os and instance type. */
  readonly importLabels?: readonly string[];
  /** To peers of which their Peer says nothing else. */
  readonly offers: Offers;
  /** Twins say for themselves what may be used in them. */
  readonly namespaces: Pick<Informer<Namespace>, 'list'>;
  readonly clock?: Clock;
}

/** Writes what a consumer really gets. Reads caches only; safe to run at any time and any number of times. */
export function grantReconciler(deps: GrantDeps): Reconciler {
  const { client, grants, nodes, peers, ledger, counting, importLabels = [], clock = systemClock } = deps;
  /** When the use of a grant was last written, by its key; bounded by the number of grants. */
  const writtenAt = new Map<string, number>();

  return {
    name: 'grant',
    async reconcile(key, signal) {
      const grant = grants.get(key);
      if (grant === undefined) {
        writtenAt.delete(key);
        return done;
      }
      const peer = peers.list().find((entry) => tenantNamespace(entry.metadata.name) === grant.metadata.namespace);
      const eligible = eligibleNodes(nodes.list(), grant.spec.placement);
      const decision = decideGrant(grant.spec, {
        nodes: eligible,
        limits: peer?.spec.limits === undefined ? undefined : parseAmounts(peer.spec.limits),
        grantedElsewhere: grantedElsewhere(grants.list(), key, (other) => parseAmounts(other.status?.granted)),
        used: ledger.used(key),
        placed: eligible.reduce<Amounts>((sum, node) => addAmounts(sum, counting.placedOn(node)), new Map()),
        importLabels,
      });
      const offers = peer?.spec.offers ?? deps.offers;
      // Said when it can be used: until all twins have it, what was said before stands.
      const isUsable = peer !== undefined && haveOffers(deps.namespaces.list(), peer.metadata.name, offers);
      const desired = {
        ...statusOf(grant, decision, eligible.length, clock.wall()),
        offers: isUsable ? offers : (grant.status?.offers ?? NO_OFFERS),
      };
      const now = grant.status ?? {};
      if (isDeepStrictEqual(now, desired)) return requeueAfter(RECHECK_MS);
      const isUseOnly = isDeepStrictEqual({ ...now, used: desired.used, free: desired.free }, desired);
      const waitMs = (writtenAt.get(key) ?? Number.NEGATIVE_INFINITY) + USE_INTERVAL_MS - clock.now();
      if (isUseOnly && waitMs > 0) return requeueAfter(waitMs);
      await client.patch(GRANT, splitKey(key), statusPatch(now, desired), {
        type: 'merge',
        subresource: 'status',
        signal,
      });
      writtenAt.set(key, clock.now());
      return requeueAfter(RECHECK_MS);
    },
  };
}

function statusOf(grant: Grant, decision: GrantDecision, nodes: number, now: Date): GrantStatus {
  const missing = decision.missing.length === 0 ? '' : `; no eligible node has ${decision.missing.join(', ')}`;
  const granted: Omit<Condition, 'lastTransitionTime'> =
    nodes === 0
      ? {
          type: 'Granted',
          status: 'False',
          reason: 'NoEligibleNode',
          message: 'no Ready node of the provider fits the placement',
        }
      : {
          type: 'Granted',
          status: 'True',
          reason: 'Granted',
          message: `granted from ${nodes} node${nodes === 1 ? '' : 's'}${missing}`,
        };
  return {
    ...grant.status,
    ...(grant.metadata.generation !== undefined && { observedGeneration: grant.metadata.generation }),
    ...decision,
    conditions: setCondition(grant.status?.conditions, granted, now),
  };
}

/** Whether all twins of that consumer let it use `offers`, and nothing else. */
function haveOffers(namespaces: readonly Namespace[], consumer: string, offers: Offers): boolean {
  const wanted = Object.entries(offerAnnotations(offers));
  return namespaces
    .filter(({ metadata: { labels } }) => labels?.[LABEL.origin] === consumer && labels[LABEL.component] === 'twin')
    .every(({ metadata }) => wanted.every(([key, value]) => metadata.annotations?.[key] === value));
}

function nulled(map: object | undefined): Record<string, null> {
  return Object.fromEntries(Object.keys(map ?? {}).map((name) => [name, null]));
}

/** Merge patch from `now` to `desired`: keys of maps that are gone are nulled, or they would stay. */
function statusPatch(now: GrantStatus, desired: GrantStatus): object {
  const maps = ['granted', 'used', 'free'] as const;
  const cleared = Object.fromEntries(maps.map((field) => [field, { ...nulled(now[field]), ...desired[field] }]));
  const labels = {
    ...nulled(now.node?.labels),
    ...desired.node?.labels,
  };
  const node = {
    ...nulled(now.node),
    ...desired.node,
    labels,
  };
  const offers = { ...nulled(now.offers), ...desired.offers };
  return { status: { ...desired, ...cleared, node, offers } };
}
