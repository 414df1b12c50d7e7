import { GRANT, type VirtualNode, VIRTUAL_NODE } from '#pkg/api';
import { type Cluster, enqueueOn, isNotFound, NODE, type Node, objectPath } from '#pkg/kube';
import {
  type Clock,
  createQueue,
  type Log,
  messageOf,
  type Reconciler,
  runReconciler,
  systemClock,
  TaskGroup,
} from '#pkg/runtime';
import { keepServingCertificate } from './certificate/serving-certificate.ts';
import { type HealthState, healthState } from './health/health-state.ts';
import { probeProvider } from './health/probe-provider.ts';
import { watchHealth } from './health/watch-health.ts';
import type { Authenticate } from './kubelet-api/authenticate.ts';
import { authorizer } from './kubelet-api/authorize.ts';
import type { ClientAuthorities } from './kubelet-api/client-authorities.ts';
import { kubeletServer } from './kubelet-api/server.ts';
import { appliedResources } from './object/applied.ts';
import { type DesiredNode, desiredNode, type Verdict } from './object/desired-node.ts';
import { nodeKeeper } from './object/node-keeper.ts';
import { keepNodeLease } from './object/node-lease.ts';
import { isOwnNode } from './object/provider-id.ts';
import { readyReporter } from './object/ready-reporter.ts';
import type { PeerCluster, PodSource } from './peer-cluster.ts';

/** How long the Node waits for a serving certificate before it shows its endpoint without one. */
const CERTIFICATE_WAIT_MS = 5_000;
/** How often the version of a provider is asked for while its Grant does not tell one. */
const VERSION_RETRY_MS = 5_000;

/** The state of the tunnel, as the gateway sees it. */
export interface NetworkHealth {
  readonly verdict: Verdict;
  on(handler: () => void): Disposable;
}

export interface RunVirtualNodeOptions {
  readonly home: Cluster;
  readonly peerCluster: PeerCluster;
  /** Name of the VirtualNode, of the Node and of the Grant. */
  readonly name: string;
  /** From a cache; undefined once it is gone. */
  readonly virtualNode: () => VirtualNode | undefined;
  /** Told when what `virtualNode` returns has changed. */
  readonly onVirtualNode: (handler: () => void) => Disposable;
  readonly pods: PodSource;
  /** Addresses of this process: those of the Node, and the names in its serving certificate. */
  readonly addresses: readonly string[];
  /** First port to try for the kubelet endpoint; 0: any free one. Default 10260. */
  readonly basePort?: number;
  /** Shared by all virtual nodes of the process. */
  readonly authenticate: Authenticate;
  /** Shared by all virtual nodes of the process; run by the caller. */
  readonly clientAuthorities: ClientAuthorities;
  /** Default `kubernetes.io/kubelet-serving`. */
  readonly signerName?: string;
  /** Version of Tombolo. */
  readonly version: string;
  /** Absent: there is no tunnel whose loss could matter. */
  readonly network?: NetworkHealth;
  /** Told the first verdict and every change of it; the pods of the node follow it. */
  readonly onReadyChange: (isReady: boolean, verdict: Verdict) => void;
  /** Told the resources in the Node's capacity that others have put there: once it was read, and with each change. */
  readonly onForeignResources?: (keys: readonly string[]) => void;
  readonly clock?: Clock;
  readonly log: Log;
}

/**
 * Serves one virtual node until `signal` aborts: its Node and lease, its health, its kubelet endpoint. Ends without
 * touching the Node, so that another replica goes on where this one stopped and `Ready` never changes by a hand-over.
 */
export async function runVirtualNode(options: RunVirtualNodeOptions, signal: AbortSignal): Promise<void> {
  const { home, peerCluster, name, clock = systemClock, log } = options;
  const { peer } = peerCluster;
  await using group = new TaskGroup(AbortSignal.any([signal, peerCluster.signal]));
  using queue = createQueue({ name: `node-${name}`, clock });
  using reports = createQueue({ name: `virtual-node-ready-${name}`, clock });
  const wake = () => {
    queue.add(name);
    reports.add(name);
  };

  const nodes = home.informer<Node>(NODE, { fieldSelector: `metadata.name=${name}` });
  nodes.onError((error) => log.debug({ node: name, error: messageOf(error) }, 'watch of the node'));
  group.start('node-watch', (inner) => nodes.run(inner));
  await Promise.race([nodes.synced, group.settled]);
  if (group.signal.aborted) return;
  const tellForeign = () => options.onForeignResources?.(foreignResources(ownNode(nodes.get(name), peer)));
  using _foreign = nodes.on(tellForeign);
  tellForeign();

  const health = startHealth(options, ownNode(nodes.get(name), peer), clock);
  let kubeletPort: number | undefined;
  let isEndpointReady = false;
  // A hand-over must not forget it: the provider may be away.
  let providerVersion = providerVersionOf(ownNode(nodes.get(name), peer));
  let told: boolean | undefined;

  /** What the Node is to say; undefined until the provider was asked for the first time. */
  function verdict(): Verdict | undefined {
    if (health.verdict.reason === STARTING.reason) return undefined;
    const counts = options.virtualNode()?.spec.networkCheck !== false;
    if (!health.verdict.ok || !counts || options.network === undefined) return health.verdict;
    return options.network.verdict.ok ? health.verdict : options.network.verdict;
  }

  function desired(): DesiredNode | undefined {
    const virtualNode = options.virtualNode();
    const ready = verdict();
    if (virtualNode?.status?.granted === undefined || ready === undefined) return undefined;
    if (kubeletPort === undefined || !isEndpointReady) return undefined;
    return desiredNode({
      name,
      peer,
      spec: virtualNode.spec,
      status: virtualNode.status,
      addresses: options.addresses,
      kubeletPort,
      version: options.version,
      providerVersion,
      ready,
      network: networkVerdict(options, virtualNode),
    });
  }

  function changed(): void {
    const now = verdict();
    if (now !== undefined && now.ok !== told) {
      told = now.ok;
      log.info({ node: name, ready: now.ok, why: now.message }, 'readiness of the virtual node');
      options.onReadyChange(now.ok, now);
    }
    wake();
  }

  await using server = kubeletServer({
    nodeName: name,
    upstream: {
      peer: peerCluster,
      pods: options.pods,
      clock,
      health: {
        get isReady() {
          return health.verdict.ok || health.verdict.reason === STARTING.reason;
        },
        get message() {
          return health.verdict.message;
        },
        get answeredAtMs() {
          return health.answeredAtMs;
        },
      },
    },
    authenticate: options.authenticate,
    authorize: authorizer(home.client, name),
    log,
  });
  server.setClientAuthorities(options.clientAuthorities.current);
  using _authorities = options.clientAuthorities.on((pems) => server.setClientAuthorities(pems));
  using _changes = options.onVirtualNode(changed);
  using _network = options.network?.on(changed);
  using _nodes = enqueueOn(nodes, queue, () => [name]);
  kubeletPort = await server.listen({ basePort: options.basePort ?? 10260 });

  const endpointReady = () => {
    isEndpointReady = true;
    wake();
  };
  using _patience = clock.timer(endpointReady, CERTIFICATE_WAIT_MS);
  const { addresses, signerName } = options;
  const certificate = {
    client: home.client,
    nodeName: name,
    addresses,
    clock,
    log,
    ...(signerName === undefined ? {} : { signerName }),
  };
  group.start('serving-certificate', (inner) =>
    keepServingCertificate(
      certificate,
      (next) => {
        server.setCertificate(next);
        endpointReady();
      },
      inner,
    ),
  );
  const grantPath = objectPath(GRANT, { name, namespace: peerCluster.tenantNamespace });
  group.start('health', (inner) =>
    watchHealth({ probe: (s) => probeProvider(peerCluster, grantPath, s), state: health, changed, clock }, inner),
  );
  group.start('node-lease', (inner) =>
    keepNodeLease(
      { client: home.client, node: () => ownNode(nodes.get(name), peer), nodeName: name, clock, log },
      inner,
    ),
  );
  group.start('provider-version', async (inner) => {
    providerVersion = (await versionOf(peerCluster, () => health.verdict.ok, clock, inner)) ?? providerVersion;
    wake();
  });
  const run = (reconciler: Reconciler, from: typeof queue) =>
    group.start(reconciler.name, (inner) => runReconciler(reconciler, { queue: from, signal: inner, log }));
  run(
    nodeKeeper({ client: home.client, nodes, desired, mayCreate: (s) => isWanted(home, name, s), peer, clock, log }),
    queue,
  );
  run(readyReporter({ client: home.client, virtualNode: options.virtualNode, verdict, clock }), reports);
  changed();
  await group.settled;
}

/** Until the first answer or the first failure nothing is known, and nothing is said. */
const STARTING: Verdict = { ok: false, reason: 'Starting', message: 'the provider has not been asked yet' };

function startHealth({ peerCluster }: RunVirtualNodeOptions, node: Node | undefined, clock: Clock): HealthState {
  const { peer, cluster } = peerCluster;
  return healthState({
    wasReady: node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true,
    startMs: clock.now(),
    healthy: {
      ok: true,
      reason: 'ProviderReady',
      message: `the API server of peer ${peer} at ${cluster.server} answers`,
    },
    unknown: STARTING,
  });
}

function ownNode(node: Node | undefined, peer: string): Node | undefined {
  return node !== undefined && isOwnNode(node, peer) ? node : undefined;
}

function foreignResources(node: Node | undefined): string[] {
  if (node === undefined) return [];
  const ours = new Set(appliedResources(node));
  return Object.keys(node.status?.capacity ?? {}).filter((key) => !ours.has(key));
}

/** What a Node that we wrote before says of the version of its provider. */
function providerVersionOf(node: Node | undefined): string | undefined {
  const [version, own] = node?.status?.nodeInfo?.kubeletVersion.split('-tombolo-') ?? [];
  return own === undefined ? undefined : version;
}

function networkVerdict({ network, peerCluster }: RunVirtualNodeOptions, virtualNode: VirtualNode): Verdict {
  if (network !== undefined && virtualNode.spec.networkCheck !== false) return network.verdict;
  return { ok: true, reason: 'NotChecked', message: `no tunnel to peer ${peerCluster.peer} is checked` };
}

/** Straight from the API: a Node that is being removed must not come back because a cache is behind. */
async function isWanted(home: Cluster, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    const virtualNode = await home.client.get<VirtualNode>(VIRTUAL_NODE, { name }, { signal });
    return virtualNode.metadata.deletionTimestamp === undefined;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

async function versionOf(
  { cluster }: PeerCluster,
  isReady: () => boolean,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  while (!signal.aborted) {
    if (isReady()) {
      try {
        return (await cluster.client.version({ signal })).gitVersion;
      } catch {
        // Asked again below; until then the Grant's version, or none, stands in the Node.
      }
    }
    await clock.sleep(VERSION_RETRY_MS, signal).catch(() => undefined); // ends only by the abort that the loop looks at
  }
  return undefined;
}
