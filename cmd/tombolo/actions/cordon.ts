import { GRANT, type Grant, LABEL, tenantNamespace } from '#pkg/api';
import { type Cluster, POD } from '#pkg/kube';
import { CliError } from '../errors.ts';
import type { Result } from '../output/format.ts';
import { argument, type Session } from '../session.ts';
import { requireInstalled } from './installed.ts';
import { knownPeer } from './known-peer.ts';

/** Lends a peer no room for new pods; what runs goes on (CLI-14). Run again it changes nothing. */
export async function cordon(session: Session, _options: object, args: readonly string[]): Promise<Result> {
  return await setCordoned(session, argument(args, 'the peer'), true);
}

export async function uncordon(session: Session, _options: object, args: readonly string[]): Promise<Result> {
  return await setCordoned(session, argument(args, 'the peer'), false);
}

async function setCordoned(session: Session, name: string, isCordoned: boolean): Promise<Result> {
  const { signal } = session;
  const verb = isCordoned ? 'cordon' : 'uncordon';
  const cluster = await session.home();
  await requireInstalled(cluster, signal);
  await knownPeer(cluster, name, `${verb} the peer`, signal);
  const namespace = tenantNamespace(name);
  const { items } = await cluster.client.list<Grant>(GRANT, { namespace }, { signal });
  if (items.length === 0) {
    const where = `Peer "${name}" of cluster ${cluster.name}`;
    const next = `${verb} on the cluster that lends: this one borrows, see \`tombolo status ${name}\``;
    throw new CliError('Refused', { attempted: `${verb} the peer`, where, why: 'nothing is lent to it', next });
  }
  const grants = await Promise.all(
    items.map(async (grant) => {
      const isSo = (grant.spec.cordoned ?? false) === isCordoned;
      const ref = { namespace, name: grant.metadata.name };
      if (isSo) return grant;
      return await cluster.client.patch<Grant>(
        GRANT,
        ref,
        { spec: { cordoned: isCordoned } },
        { type: 'merge', signal },
      );
    }),
  );
  const running = await runningPods(cluster, name, signal);
  const value = {
    peer: name,
    cordoned: isCordoned,
    grants: grants.map(({ metadata, status }) => ({
      name: metadata.name,
      used: status?.used ?? {},
      pods: running.get(metadata.name) ?? [],
    })),
  };
  const lines = value.grants.flatMap((grant) => [
    `  ${grant.name}: ${describe(grant.used)}`,
    ...grant.pods.slice(0, MAX_LINES).map((pod) => `    pod ${pod}`),
    ...(grant.pods.length > MAX_LINES ? [`    and ${grant.pods.length - MAX_LINES} more (all with -o json)`] : []),
  ]);
  const title = isCordoned
    ? `Peer ${name} gets no room for new pods. Still running:`
    : `Peer ${name} gets room for new pods again. Running:`;
  return { value, text: [title, ...lines].join('\n') };
}

/** A page for people; JSON has them all. */
const MAX_LINES = 20;

/** Pods that run for a peer here, as namespace/name, by the grant that pays for them. */
async function runningPods(cluster: Cluster, peer: string, signal: AbortSignal): Promise<Map<string, string[]>> {
  const query = { labelSelector: `${LABEL.origin}=${peer},${LABEL.grant}` };
  const { items } = await cluster.client.list(POD, query, { signal });
  const alive = items.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
  const byGrant = Map.groupBy(alive, ({ metadata }) => metadata.labels?.[LABEL.grant] ?? '');
  return new Map(
    [...byGrant].map(([grant, pods]) => [grant, pods.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)]),
  );
}

function describe(used: Record<string, string | number>): string {
  const amounts = Object.entries(used).map(([key, amount]) => `${key} ${amount}`);
  return amounts.length === 0 ? 'nothing' : amounts.join(', ');
}
