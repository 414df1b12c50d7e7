import type { PeeringRequest } from '#pkg/api';
import type { Cluster } from '#pkg/kube';
import { comparisonOf, decideRequest, listRequests, type RequestDecision, requestStateOf } from '#pkg/peering';
import { CliError } from '../errors.ts';
import { noSuchName } from '../near.ts';
import type { Result } from '../output/format.ts';
import { argument, type Session, waitFor } from '../session.ts';
import { requireInstalled } from './installed.ts';
import { findPeer } from './known-peer.ts';
import { ambiguous, isFingerprintOf, means } from './named-cluster.ts';
import { serverTime } from './server-time.ts';

export interface AcceptOptions {
  readonly name?: string;
  readonly limit?: Record<string, string>;
}

/**
 * Lets a cluster that asks use this one, and waits until its Peer is made. Run again it changes nothing. One that was rejected may
 * still be accepted while it is remembered.
 */
export async function accept(session: Session, options: AcceptOptions, args: readonly string[]): Promise<Result> {
  const attempted = 'accept the request';
  const { cluster, own, now } = await open(session);
  const request = await namedRequest(session, cluster, argument(args, 'the request'), attempted);
  const { clusterName } = request.spec;
  const where = `request of ${clusterName} to cluster ${cluster.name}`;
  if (requestStateOf(request, now) === 'Expired') {
    const next = `let the people of ${clusterName} run \`tombolo peer\` again`;
    throw new CliError('Refused', { attempted, where, why: `it expired at ${request.spec.expiresAt}`, next });
  }
  if (options.name !== undefined) {
    const taken = await findPeer(cluster, options.name, session.signal);
    if (taken !== undefined && taken.spec.fingerprint !== request.spec.fingerprint) {
      const why = `${options.name} is another cluster here already`;
      throw new CliError('Refused', { attempted, where, why, next: 'choose another name with --name' });
    }
  }
  const decision: RequestDecision = {
    verdict: 'Accept',
    ...(options.name !== undefined && { name: options.name }),
    ...(options.limit !== undefined && { limits: options.limit }),
  };
  const decided = await decide(session, cluster, request, decision);
  const { peer, state = 'Waiting' } = decided.status ?? {};
  const comparison = comparisonOf(request.spec.fingerprint, own);
  const as = peer === undefined ? '' : ` as peer ${peer}`;
  const text = session.flags.wait
    ? `${clusterName} is accepted${as}: it may use ${cluster.name}. Its people see the same fingerprints: ${comparison}`
    : `${clusterName} is to be accepted. To watch: \`tombolo requests\``;
  return { value: { cluster: clusterName, state, comparison, ...(peer !== undefined && { peer }) }, text };
}

/** Refuses one cluster, or all that wait. They are told, and cannot ask anew for a day. */
export async function reject(
  session: Session,
  { all }: { readonly all: boolean },
  args: readonly string[],
): Promise<Result> {
  const attempted = 'reject the request';
  const { cluster, now } = await open(session);
  if (all === args.length > 0) {
    const why = all ? 'a name and --all exclude each other' : 'the request is missing';
    throw new CliError('BadUsage', {
      attempted,
      where: 'the command line',
      why,
      next: 'name one request, or use --all',
    });
  }
  const chosen = all
    ? (await listRequests(cluster.client, session.signal)).filter((entry) => requestStateOf(entry, now) === 'Waiting')
    : [await namedRequest(session, cluster, argument(args, 'the request'), attempted)];
  const rejected: string[] = [];
  for (const request of chosen) {
    const { clusterName } = request.spec;
    if (requestStateOf(request, now) === 'Accepted') {
      const why = `it was accepted as peer ${request.status?.peer ?? clusterName}`;
      const next = `end the peering with \`tombolo unpeer ${request.status?.peer ?? clusterName}\``;
      throw new CliError('Refused', { attempted, where: `request of ${clusterName}`, why, next });
    }
    await decide(session, cluster, request, { verdict: 'Reject' });
    rejected.push(clusterName);
  }
  const text =
    rejected.length === 0
      ? 'No request waits.'
      : `Rejected: ${rejected.join(', ')}. ${rejected.length === 1 ? 'It has' : 'They have'} no right here.`;
  return { value: { rejected }, text };
}

async function open(session: Session): Promise<{ cluster: Cluster; own: string; now: Date }> {
  const cluster = await session.home();
  const { fingerprint: own = '' } = await requireInstalled(cluster, session.signal);
  return { cluster, own, now: await serverTime(cluster, session.signal) };
}

/** @throws CliError `UnknownRequest`, `AmbiguousName` */
async function namedRequest(
  { signal }: Session,
  cluster: Cluster,
  text: string,
  attempted: string,
): Promise<PeeringRequest> {
  const all = await listRequests(cluster.client, signal);
  const byName = all.filter(({ metadata, spec }) => metadata.name === text || means(text, spec));
  // A cluster that calls itself like the fingerprint of another one must not be taken for it.
  const byKey = byName.filter(({ spec }) => isFingerprintOf(text, spec.fingerprint));
  const found = byKey.length > 0 ? byKey : byName;
  if (found.length > 1)
    throw ambiguous(
      text,
      attempted,
      found.map(({ spec }) => spec),
    );
  const [request] = found;
  if (request !== undefined) return request;
  const why = noSuchName(
    text,
    all.map(({ spec }) => spec.clusterName),
  );
  throw new CliError('UnknownRequest', { attempted, where: `request of "${text}" to cluster ${cluster.name}`, why });
}

/** Writes the decision and waits until the controller has done it; the request as it is then. */
async function decide(
  session: Session,
  cluster: Cluster,
  request: PeeringRequest,
  decision: RequestDecision,
): Promise<PeeringRequest> {
  const { signal, flags } = session;
  const wanted = decision.verdict === 'Accept' ? 'Accepted' : 'Rejected';
  if (request.status?.state === wanted) return request;
  await decideRequest(cluster.client, request, decision, signal);
  if (!flags.wait) return request;
  const { clusterName } = request.spec;
  return await waitFor(
    session,
    `waiting until the controller has ${wanted.toLowerCase()} ${clusterName}`,
    async () => {
      const current = (await listRequests(cluster.client, signal)).find(
        ({ metadata }) => metadata.uid === request.metadata.uid,
      );
      if (current === undefined) {
        const why = 'it was withdrawn at this moment';
        throw new CliError('UnknownRequest', {
          attempted: 'decide about the request',
          where: `request of ${clusterName}`,
          why,
        });
      }
      return current.status?.state === wanted ? current : undefined;
    },
    250,
  );
}
