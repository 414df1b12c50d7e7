import { PEERING_REQUEST, type PeeringRequest, type PeeringRequestStatus, type PeeringRule, typeMeta } from '#pkg/api';
import { type KubeClient, splitKey } from '#pkg/kube';
import { type Clock, done, type Log, type Reconciler, requeueAfter } from '#pkg/runtime';
import { isPeeringError } from '../errors.ts';
import type { Fingerprint } from '../identity/fingerprint.ts';
import { unlessNotFound } from '../not-found.ts';
import { ensureConsumerPeer } from '../provider/consumer-peer.ts';
import { comparisonOf } from './comparison.ts';
import { stateOf } from './request-state.ts';
import type { Rules } from './rules.ts';

export interface RequestReconcilerDeps {
  readonly requests: { get(key: string): PeeringRequest | undefined };
  readonly rules: Rules;
  readonly client: KubeClient;
  /** Key of this cluster. */
  readonly fingerprint: Fingerprint;
  readonly clusterName: string;
  readonly clock: Clock;
  readonly log: Log;
}

const FIELD_MANAGER = 'tombolo-requests';
/** How long people can see what became of a request; a rejected cluster cannot ask anew until then. */
const KEEP_MS = 24 * 3600_000;
/** Clocks jump; a look once an hour costs nothing. */
const MAX_WAIT_MS = 3600_000;

/**
 * Follows what was decided about a request: makes the Peer of one that was accepted, by a person or by a rule, ends what
 * nobody answered, and removes what ended a day ago. Until acceptance nothing else of this cluster knows of the other.
 */
export function requestReconciler(deps: RequestReconcilerDeps): Reconciler {
  const { requests, client, clock } = deps;
  return {
    name: 'peering-request',
    async reconcile(key, signal) {
      const request = requests.get(key);
      if (request === undefined || request.metadata.deletionTimestamp !== undefined) return done;
      const now = clock.wall();
      const status = await decide(deps, request, signal);
      await writeStatus(client, request, status, signal);
      const endMs =
        status.endedAt === undefined ? Date.parse(request.spec.expiresAt) : Date.parse(status.endedAt) + KEEP_MS;
      const leftMs = endMs - now.getTime();
      if (status.endedAt === undefined || leftMs > 0)
        return requeueAfter(Math.min(Math.max(leftMs, 1_000), MAX_WAIT_MS));
      const { uid } = request.metadata;
      await client
        .delete(PEERING_REQUEST, splitKey(key), { ...(uid === undefined ? {} : { uid }), signal })
        .catch(unlessNotFound);
      return done;
    },
  };
}

/** How the request stands, after what was decided has been done. */
async function decide(
  deps: RequestReconcilerDeps,
  request: PeeringRequest,
  signal: AbortSignal,
): Promise<PeeringRequestStatus> {
  const { spec, status } = request;
  const state = stateOf(request, deps.clock.wall());
  const verdict = spec.decision?.verdict;
  if (state === 'Accepted' || state === 'Expired') {
    const expired = `nobody answered until ${spec.expiresAt}; ${spec.clusterName} may ask again`;
    return ended(deps, request, { state, message: state === 'Expired' ? expired : (status?.message ?? '') });
  }
  if (verdict === 'Accept') return await accept(deps, request, undefined, signal);
  // A rejection that somebody has taken out of the spec again still stands.
  if (verdict === 'Reject' || state === 'Rejected')
    return ended(deps, request, { state: 'Rejected', message: `the people of ${deps.clusterName} rejected it` });
  const rule = deps.rules.accepting(spec);
  if (rule !== undefined) return await accept(deps, request, rule, signal);
  const { clusterName } = spec;
  return waiting(
    deps,
    request,
    `waits until ${spec.expiresAt} for \`tombolo accept ${clusterName}\` or \`tombolo reject ${clusterName}\``,
  );
}

/** @param rule by which it is accepted; absent: by the people of this cluster */
async function accept(
  deps: RequestReconcilerDeps,
  request: PeeringRequest,
  rule: PeeringRule | undefined,
  signal: AbortSignal,
): Promise<PeeringRequestStatus> {
  const { fingerprint, clusterName, addresses = [], decision } = request.spec;
  const wish = {
    fingerprint: fingerprint as Fingerprint,
    clusterName,
    addresses,
    name: decision?.name,
    limits: rule === undefined ? decision?.limits : rule.spec.limits,
    attempted: 'accept the request',
  };
  try {
    const peer = (await ensureConsumerPeer(deps.client, wish, signal)).metadata.name;
    deps.log.info({ peer, fingerprint, rule: rule?.metadata.name }, 'a request of another cluster was accepted');
    const by = rule === undefined ? `the people of ${deps.clusterName}` : `rule ${rule.metadata.name}`;
    const message = `accepted by ${by} as peer ${peer}`;
    return ended(deps, request, {
      state: 'Accepted',
      message,
      peer,
      ...(rule === undefined ? {} : { rule: rule.metadata.name }),
    });
  } catch (error) {
    // A name that is taken is for people to mend; anything else is tried again by the queue.
    if (!isPeeringError(error, 'NameTaken')) throw error;
    const next = `choose one with \`tombolo accept ${clusterName} --name\``;
    return waiting(deps, request, `cannot be accepted: ${error.where}: ${error.why}; ${next}`);
  }
}

function waiting(deps: RequestReconcilerDeps, { spec }: PeeringRequest, message: string): PeeringRequestStatus {
  return { state: 'Waiting', message, comparison: comparisonOf(spec.fingerprint, deps.fingerprint) };
}

/** What was said once stays as it was said. */
function ended(
  deps: RequestReconcilerDeps,
  { spec, status }: PeeringRequest,
  end: Pick<PeeringRequestStatus, 'state' | 'message' | 'peer' | 'rule'>,
): PeeringRequestStatus {
  if (status?.state === end.state && status?.endedAt !== undefined) return status;
  const comparison = comparisonOf(spec.fingerprint, deps.fingerprint);
  return { ...end, comparison, endedAt: deps.clock.wall().toISOString() };
}

async function writeStatus(
  client: KubeClient,
  request: PeeringRequest,
  status: PeeringRequestStatus,
  signal: AbortSignal,
): Promise<void> {
  const before = request.status ?? {};
  const keys = ['state', 'message', 'comparison', 'peer', 'rule', 'endedAt'] as const;
  if (keys.every((key) => before[key] === status[key])) return;
  const { name, namespace = '', uid } = request.metadata;
  // The uid keeps the apply from making a new request where this one was withdrawn meanwhile.
  const metadata = { name, namespace, ...(uid === undefined ? {} : { uid }) };
  const body = { ...typeMeta(PEERING_REQUEST), metadata, status };
  const options = { fieldManager: FIELD_MANAGER, force: true, subresource: 'status', signal };
  await client.apply<PeeringRequest>(PEERING_REQUEST, body, options).catch(unlessNotFound);
}
