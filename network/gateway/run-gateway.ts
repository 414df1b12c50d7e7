import { problemOf } from '#network/cluster';
import { linkMtu, overlayMtu } from '#network/overlay';
import { type Prober, startProber } from '#network/probe';
import {
  type Device,
  type DeviceState,
  openDevice,
  parsePrivateKey,
  publicKeyOf,
  type SecretKey,
} from '#network/wireguard';
import { type ClusterNetwork, NAME, type Peer } from '#pkg/api';
import type { Informer, KubeClient, KubeObject, Lease, Node, Pod, Secret } from '#pkg/kube';
import { type Clock, errorFields, type LevelLoop, levelLoop, type Log, TaskGroup } from '#pkg/runtime';
import { isIPv6 } from 'node:net';
import { runElection } from './election.ts';
import { Endpoints } from './endpoints.ts';
import { exchangesOf } from './exchanges.ts';
import { GatewayHost } from './gateway-host.ts';
import { factsOfNode } from './node-facts.ts';
import type { GatewayMetrics } from './metrics.ts';
import { type GatewayPlan, type GatewayPorts, planGateway, TUNNEL_DEVICE } from './plan-gateway.ts';
import { planPeers, type TunnelPeer, type Unusable } from './plan-peers.ts';
import { Reporter, reportOf, unusableReport } from './report.ts';
import { pointService } from './service-slice.ts';
import { SessionResets } from './session-resets.ts';

export interface GatewayDeps {
  readonly client: KubeClient;
  /** Run by the caller. */
  readonly informers: {
    readonly networks: Informer<ClusterNetwork>;
    readonly nodes: Informer<Node>;
    readonly peers: Informer<Peer>;
    /** All of this cluster, trimmed by `trimPod`. */
    readonly pods: Informer<Pod>;
    /** Twin namespaces. */
    readonly namespaces: Informer<KubeObject>;
    /** Our Lease, and nothing else. */
    readonly leases: Informer<Lease>;
    /** Replicas of the gateway. */
    readonly replicas: Informer<Pod>;
    /** The Secret of the key, and nothing else. */
    readonly keys: Informer<Secret>;
  };
  readonly keyFile: string;
  readonly podUid: string;
  readonly podAddress: string;
  readonly ports: GatewayPorts & { readonly heartbeat: number };
  /** Whether peers reach only pods that run for them, and what runs for us there reaches ours (NET-39). */
  readonly isIsolated: boolean;
  readonly implementation: 'auto' | 'kernel' | 'userspace';
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly log: Log;
}

/** A scrape must not wait for a device that hangs. */
const SCRAPE_MS = 5_000;

/** Changes made by hand are found within this time. */
const CHECK_MS = 30_000;
const ENDPOINTS_MS = 1_000;
const REPORT_MS = 5_000;

/** For telling the device. */
const RESET_MS = 2_000;

/** The gateway of this cluster in one pod, until `signal` aborts. @throws WireguardError where the device cannot be opened */
export async function runGateway(deps: GatewayDeps, signal: AbortSignal): Promise<void> {
  const { client, informers, clock, log, ports, podAddress } = deps;
  await Promise.all(Object.values(informers).map((informer) => informer.synced));
  const linkBytes = await linkMtu(podAddress);
  // Ends later than the signal: while another replica takes over, this one goes on.
  const serving = new AbortController();
  let checkedMs = -Infinity;
  let isActive = false;
  let prober: Prober | undefined;
  let peers: { usable: TunnelPeer[]; unusable: Unusable[] } = { usable: [], unusable: [] };
  const resets = new SessionResets();
  const endpoints = new Endpoints(clock);
  const reporter = new Reporter(client, clock);

  let parsed: { readonly data: string; readonly key: SecretKey } | undefined;
  const key = (): SecretKey | undefined => {
    const data = informers.keys.list()[0]?.data?.[deps.keyFile];
    if (data === undefined) return undefined;
    // Asked for with each heartbeat.
    if (parsed?.data !== data) parsed = { data, key: parsePrivateKey(Buffer.from(data, 'base64').toString()) };
    return parsed.key;
  };
  const answers = (peer: string) => prober?.states().get(peer)?.state === 'up';
  const makePlan = (): GatewayPlan | undefined => {
    const network = informers.networks.get(NAME.clusterNetwork);
    const privateKey = key();
    // Nothing is built on ranges that cannot be right; the object says so, and its change brings us back.
    if (network === undefined || privateKey === undefined || problemOf(network) !== undefined) return undefined;
    peers = planPeers(informers.peers.list(), publicKeyOf(privateKey));
    return planGateway({
      network,
      nodes: informers.nodes.list().flatMap((node) => factsOfNode(node) ?? []),
      peers: peers.usable,
      endpoints: endpoints.current(),
      privateKey,
      podAddress,
      linkBytes,
      ports,
      isIsolated: deps.isIsolated,
      isActive,
    });
  };

  await using group = new TaskGroup(serving.signal);
  const device: Device = await openDevice({
    name: TUNNEL_DEVICE,
    signal: serving.signal,
    log,
    implementation: deps.implementation,
    onReplaced: () => {
      host.replaced();
      apply.poke();
    },
  });
  const host = new GatewayHost(device, log);
  const apply: LevelLoop = levelLoop({
    name: 'gateway',
    everyMs: CHECK_MS,
    clock,
    log,
    async work(inner) {
      const plan = makePlan();
      if (plan === undefined) return;
      const exchanges = exchangesOf({
        pods: informers.pods.list(),
        namespaces: informers.namespaces.list(),
        nodes: informers.nodes.list(),
      });
      const targets = new Map(
        (isActive ? peers.usable : []).flatMap(({ name, probeAddress }) =>
          probeAddress === undefined ? [] : [[name, probeAddress] as const],
        ),
      );
      // First those that go: a probe without its rules and routes leaves by another way, and is remembered so.
      const before = prober?.states();
      prober?.setTargets(new Map([...targets].filter(([name]) => before?.has(name))));
      const isCheck = clock.now() - checkedMs >= CHECK_MS;
      await host.apply(plan, exchanges, isCheck, inner);
      if (isCheck) checkedMs = clock.now();
      prober ??= startProber(
        { address: plan.address, port: ports.probe, clock, log, onChange, onMissed },
        group.signal,
      );
      prober.setTargets(targets);
    },
  });
  const onChange = (name: string, state: 'up' | 'down'): void => {
    if (state === 'up') resets.answered(name);
    report.poke();
  };
  const onMissed = (name: string, count: number): void => {
    const peer = peers.usable.find((one) => one.name === name);
    if (!isActive || peer === undefined || !resets.isDue(name, count, clock.now())) return;
    device.resetSession(peer.publicKey, AbortSignal.any([group.signal, AbortSignal.timeout(RESET_MS)])).catch(
      // The next missed probe is the next try.
      (error: unknown) => log.debug({ peer: name, ...errorFields(error) }, 'a session could not be begun anew'),
    );
  };
  const dial = levelLoop({
    name: 'endpoints',
    everyMs: ENDPOINTS_MS,
    clock,
    log,
    async work(inner) {
      const told = new Map(peers.usable.map(({ name, endpoints: list }) => [name, list]));
      if (await endpoints.update(told, answers, inner)) apply.poke();
    },
  });
  const peersAsHeld = (state: DeviceState | undefined) => {
    const states = prober?.states();
    return peers.usable.map((peer) => ({
      peer,
      probe: states?.get(peer.name),
      device: state?.peers.find(({ publicKey }) => publicKey === peer.publicKey),
    }));
  };
  deps.metrics.follow(async () => {
    const inner = AbortSignal.any([group.signal, AbortSignal.timeout(SCRAPE_MS)]);
    const held = peersAsHeld(await device.read(inner));
    return {
      isActive,
      peers: held.map(({ peer: { name }, probe, device: state }) => ({ name, probe, device: state })),
      counters: await host.counters(inner),
    };
  });
  const report = levelLoop({
    name: 'report',
    everyMs: REPORT_MS,
    settleMs: 50,
    clock,
    log,
    async work(inner) {
      if (!isActive) return;
      const state = await device.read(inner);
      const dialled = endpoints.current();
      reporter.keepOnly(new Set(informers.peers.list().map(({ metadata }) => metadata.name)));
      resets.keepOnly(new Set(peers.usable.map(({ name }) => name)));
      const reports = [
        ...peersAsHeld(state).map(
          ({ peer, probe, device: held }) => [peer.name, reportOf(peer, probe, held, dialled.get(peer.name))] as const,
        ),
        ...peers.unusable.map((peer) => [peer.name, unusableReport(peer)] as const),
      ];
      for (const [name, said] of reports) {
        const object = informers.peers.get(name);
        if (object !== undefined) await reporter.report(object, said, inner);
      }
    },
  });
  const service = levelLoop({
    name: 'gateway service',
    everyMs: 60_000,
    clock,
    log,
    work: async (inner) => {
      if (isActive) await pointService(client, podAddress, ports.tunnel, inner);
    },
  });

  using _networks = informers.networks.on(() => apply.poke());
  using _keys = informers.keys.on(() => apply.poke());
  using _nodes = informers.nodes.on((old, current) => {
    if (JSON.stringify(old && factsOfNode(old)) !== JSON.stringify(current && factsOfNode(current))) apply.poke();
  });
  using soon = pokeSoon(apply, clock);
  using _pods = informers.pods.on((old, current) => {
    if (deps.isIsolated && JSON.stringify(old?.status) !== JSON.stringify(current?.status)) soon.poke();
  });
  using _namespaces = informers.namespaces.on(() => apply.poke());
  using _peers = informers.peers.on((old, current) => {
    if (JSON.stringify(old?.status?.network) === JSON.stringify(current?.status?.network) && old && current) return;
    apply.poke();
    dial.poke();
    report.poke();
  });
  for (const [name, loop] of Object.entries({ apply, dial, report, service })) {
    group.start(name, (inner) => loop.run(inner));
  }
  group.start('election', async (inner) => {
    await firstKey(informers.keys, AbortSignal.any([inner, signal]));
    await runElection(
      {
        client,
        leases: informers.leases,
        replicas: informers.replicas,
        podUid: deps.podUid,
        podAddress,
        port: ports.heartbeat,
        key,
        announcement: () => ({
          address: podAddress,
          overlayMtuBytes: overlayMtu([linkBytes], isIPv6(podAddress) ? 6 : 4),
        }),
        onChange(active) {
          isActive = active;
          for (const loop of [apply, dial, report, service]) loop.poke();
        },
        clock,
        log,
      },
      AbortSignal.any([inner, signal]),
    );
    serving.abort(signal.reason);
  });
  await group.settled;
  await host.cleanup();
}

/** Pods come and go by hundreds: what they change is looked at a few times a second. */
const PODS_MS = 200;

function pokeSoon(loop: LevelLoop, clock: Clock): { poke(): void } & Disposable {
  let timer: Disposable | undefined;
  return {
    poke() {
      timer ??= clock.timer(() => {
        timer = undefined;
        loop.poke();
      }, PODS_MS);
    },
    [Symbol.dispose]: () => timer?.[Symbol.dispose](),
  };
}

/** Resolves once the Secret is there: the controller makes it. */
function firstKey(keys: Informer<Secret>, signal: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    const look = () => {
      if (keys.size === 0) return;
      subscription[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
      done();
    };
    const onAbort = () => {
      subscription[Symbol.dispose]();
      fail(signal.reason);
    };
    const subscription = keys.on(() => queueMicrotask(look));
    signal.addEventListener('abort', onAbort, { once: true });
    look();
  });
}
