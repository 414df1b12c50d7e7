import { isIPv6 } from 'node:net';
import { problemOf } from '#network/cluster';
import { type Prober, startProber } from '#network/probe';
import { sharedGroups } from '#network/transit';
import { type Device, type DeviceState, publicKeyOf } from '#network/wireguard';
import { offersOf } from '#network/isolation';
import { NAME } from '#pkg/api';
import { errorFields, type LevelLoop, levelLoop } from '#pkg/runtime';
import { Endpoints } from './endpoints.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { GatewayHost } from './gateway-host.ts';
import type { GatewayKey } from './gateway-key.ts';
import type { GatewaySnapshot } from './metrics.ts';
import { NextKeys } from './next-keys.ts';
import { factsOfNode } from './node-facts.ts';
import { PathMtus } from './path-mtus.ts';
import { type GatewayPlan, planGateway } from './plan-gateway.ts';
import { planPeers, type TunnelPeer, type Unusable } from './plan-peers.ts';
import { planTransit } from './plan-transit.ts';
import { Reporter, reportOf, unusableReport } from './report.ts';
import { pointService } from './service-slice.ts';
import { SessionResets } from './session-resets.ts';
import { setElements } from './set-elements.ts';

/** Changes made by hand are found within this time. */
const CHECK_MS = 30_000;
const ENDPOINTS_MS = 1_000;
const SIZES_MS = 1_000;
const NEXT_KEYS_MS = 1_000;
const REPORT_MS = 5_000;
const SERVICE_MS = 60_000;

/** For telling the device. */
const RESET_MS = 2_000;

export interface GatewayParts {
  readonly key: GatewayKey;
  /** Taken away by `cleanup`. */
  readonly device: Device;
  /** MTU of the pod's own link. */
  readonly linkBytes: number;
  /** Ends probes and what is under way. */
  readonly signal: AbortSignal;
}

/**
 * One replica of the gateway: what it knows of its peers between two runs of its loops. The caller runs the loops, each
 * once; whatever of them may run at the same moment.
 */
export class Gateway {
  readonly loops: Readonly<Record<'apply' | 'dial' | 'sizes' | 'nextKeys' | 'report' | 'service', LevelLoop>>;
  readonly #deps: GatewayDeps;
  readonly #parts: GatewayParts;
  readonly #host: GatewayHost;
  readonly #endpoints: Endpoints;
  readonly #pathMtus: PathMtus;
  readonly #nextKeys = new NextKeys();
  readonly #reporter: Reporter;
  readonly #resets = new SessionResets();
  #peers: { readonly usable: TunnelPeer[]; readonly unusable: Unusable[] } = { usable: [], unusable: [] };
  #prober: Prober | undefined;
  /** Of the devices at this end, by the last plan. */
  #ends: { readonly largest: number; readonly version: 4 | 6 } | undefined;
  #isActive = false;
  #checkedMs = -Infinity;

  constructor(deps: GatewayDeps, parts: GatewayParts) {
    const { client, clock, log, podAddress, ports } = deps;
    this.#deps = deps;
    this.#parts = parts;
    this.#host = new GatewayHost(parts.device, log);
    this.#endpoints = new Endpoints(clock);
    this.#pathMtus = new PathMtus(clock, () => {
      for (const one of [this.loops.apply, this.loops.report]) one.poke();
    });
    this.#reporter = new Reporter(client, clock);
    const loop = (name: string, everyMs: number, work: (signal: AbortSignal) => Promise<void>, settleMs?: number) =>
      levelLoop({ name, everyMs, work, clock, log, ...(settleMs !== undefined && { settleMs }) });
    this.loops = {
      apply: loop('gateway', CHECK_MS, (signal) => this.#apply(signal)),
      dial: loop('endpoints', ENDPOINTS_MS, (signal) => this.#dial(signal)),
      sizes: loop('path MTU', SIZES_MS, async () => this.#lookAtSizes()),
      nextKeys: loop('next keys', NEXT_KEYS_MS, (signal) => this.#watchNextKeys(signal)),
      report: loop('report', REPORT_MS, (signal) => this.#report(signal), 50),
      service: loop('gateway service', SERVICE_MS, async (signal) => {
        if (this.#isActive) await pointService(client, podAddress, ports.tunnel, signal);
      }),
    };
  }

  /** Whether this replica forwards. */
  setActive(isActive: boolean): void {
    this.#isActive = isActive;
    for (const loop of Object.values(this.loops)) loop.poke();
  }

  /** The device has come back as a new one, without routes. */
  deviceReplaced(): void {
    this.#host.replaced();
    this.loops.apply.poke();
  }

  async snapshot(signal: AbortSignal): Promise<GatewaySnapshot> {
    const held = this.#peersAsHeld(await this.#parts.device.read(signal));
    return {
      isActive: this.#isActive,
      peers: held.map(({ peer: { name }, probe, device }) => ({ name, probe, device })),
      counters: await this.#host.counters(signal),
    };
  }

  /** Takes everything away that was built. After the end of all loops. */
  cleanup(): Promise<void> {
    return this.#host.cleanup();
  }

  async #apply(signal: AbortSignal): Promise<void> {
    const { informers, clock } = this.#deps;
    const plan = this.#plan();
    if (plan === undefined) return;
    const elements = setElements(plan, {
      pods: informers.pods.list(),
      namespaces: informers.namespaces.list(),
      nodes: informers.nodes.list(),
      peers: informers.peers.list(),
      offer: offersOf(informers.offers.list(), informers.namespaces.list()),
    });
    const targets = new Map(
      (this.#isActive ? this.#peers.usable : []).flatMap(({ name, probeAddress }) =>
        probeAddress === undefined ? [] : [[name, probeAddress] as const],
      ),
    );
    // First those that go: a probe without its rules and routes leaves by another way, and is remembered so.
    const before = this.#prober?.states();
    this.#prober?.setTargets(new Map([...targets].filter(([name]) => before?.has(name))));
    const isCheck = clock.now() - this.#checkedMs >= CHECK_MS;
    await this.#host.apply(plan, elements, isCheck, signal);
    if (isCheck) this.#checkedMs = clock.now();
    const { mtuBytes } = plan.overlay.device;
    this.#ends = { largest: Math.min(plan.tunnel.mtuBytes, mtuBytes), version: isIPv6(plan.address) ? 6 : 4 };
    this.#prober ??= this.#startProber(plan.address, mtuBytes);
    this.#prober.setTargets(targets);
    if (this.#peers.usable.every(({ nextPublicKey }) => nextPublicKey === undefined)) return;
    for (const loop of [this.loops.nextKeys, this.loops.report]) loop.poke();
  }

  #plan(): GatewayPlan | undefined {
    const { informers, podAddress, ports, homeApi } = this.#deps;
    const { key, linkBytes } = this.#parts;
    const network = informers.networks.get(NAME.clusterNetwork);
    const privateKey = key.current();
    // Nothing is built on ranges that cannot be right; the object says so, and its change brings us back.
    if (network === undefined || privateKey === undefined || problemOf(network) !== undefined) return undefined;
    const peers = informers.peers.list();
    const { usable, unusable } = planPeers(peers, publicKeyOf(privateKey));
    this.#peers = { usable: this.#nextKeys.inUse(usable), unusable };
    return planGateway({
      network,
      nodes: informers.nodes.list().flatMap((node) => factsOfNode(node) ?? []),
      peers: this.#peers.usable,
      transit: planTransit({
        network,
        groups: sharedGroups(informers.offloadings.list()),
        peers,
        usable: new Set(usable.map(({ name }) => name)),
      }),
      endpoints: this.#endpoints.current(),
      pathMtus: this.#pathMtus.current(),
      privateKey,
      podAddress,
      linkBytes,
      ports,
      // Whether peers reach only pods that run for them, and what runs for us there reaches ours (NET-39).
      isIsolated: network.spec.isolation !== false,
      homeApi,
      isActive: this.#isActive,
    });
  }

  #startProber(address: string, mtuBytes: number): Prober {
    const { clock, log, ports } = this.#deps;
    const onChange = (name: string, state: 'up' | 'down'): void => {
      if (state === 'up') this.#resets.answered(name);
      this.loops.report.poke();
    };
    const onMissed = (name: string, count: number): void => this.#missed(name, count);
    return startProber({ address, port: ports.probe, mtuBytes, clock, log, onChange, onMissed }, this.#parts.signal);
  }

  #missed(name: string, count: number): void {
    const { clock, log } = this.#deps;
    const { device, signal } = this.#parts;
    const peer = this.#peers.usable.find((one) => one.name === name);
    if (!this.#isActive || peer === undefined || !this.#resets.isDue(name, count, clock.now())) return;
    device.resetSession(peer.publicKey, AbortSignal.any([signal, AbortSignal.timeout(RESET_MS)])).catch(
      // The next missed probe is the next try.
      (error: unknown) => log.debug({ peer: name, ...errorFields(error) }, 'a session could not be begun anew'),
    );
  }

  async #dial(signal: AbortSignal): Promise<void> {
    const told = new Map(this.#peers.usable.map(({ name, endpoints }) => [name, endpoints]));
    const answers = (peer: string) => this.#prober?.states().get(peer)?.state === 'up';
    if (await this.#endpoints.update(told, answers, signal)) this.loops.apply.poke();
  }

  async #watchNextKeys(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    const onUse = (peer: string) => {
      log.info({ peer }, 'the peer uses its new key');
      this.loops.apply.poke();
    };
    if (this.#isActive)
      await this.#nextKeys.watch(this.#parts.device, () => this.#peers.usable, onUse, { clock, signal });
  }

  #lookAtSizes(): void {
    if (!this.#isActive || this.#prober === undefined || this.#ends === undefined) return;
    const known = (name: string) => this.#deps.informers.peers.get(name)?.status?.tunnel?.mtuBytes;
    const peers = this.#peers.usable.map(({ name }) => [name, known(name)] as const);
    this.#pathMtus.look(new Map(peers), this.#prober, this.#ends);
  }

  async #report(signal: AbortSignal): Promise<void> {
    if (!this.#isActive) return;
    const { peers } = this.#deps.informers;
    const { usable, unusable } = this.#peers;
    const state = await this.#parts.device.read(signal);
    const dialled = this.#endpoints.current();
    const unresolved = this.#endpoints.unresolved();
    const pathMtus = this.#pathMtus.current();
    this.#reporter.keepOnly(new Set(peers.list().map(({ metadata }) => metadata.name)));
    this.#resets.keepOnly(new Set(usable.map(({ name }) => name)));
    const reports = [
      ...this.#peersAsHeld(state).map(
        ({ peer, probe, device }) =>
          [
            peer.name,
            reportOf(peer, probe, device, {
              dialled: dialled.get(peer.name),
              unresolved: unresolved.get(peer.name),
              from: `our gateway (pod address ${this.#deps.podAddress})`,
              mtuBytes: pathMtus.get(peer.name),
              ownMtuBytes: this.#ends?.largest,
              acceptedKey: state?.peers.find(({ publicKey }) => publicKey === peer.nextPublicKey)?.publicKey,
            }),
          ] as const,
      ),
      ...unusable.map((peer) => [peer.name, unusableReport(peer)] as const),
    ];
    const failures: unknown[] = [];
    for (const [name, said] of reports) {
      const object = peers.get(name);
      if (object === undefined) continue;
      // What cannot be said of one peer keeps nothing back of the others.
      await this.#reporter.report(object, said, signal).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  #peersAsHeld(state: DeviceState | undefined) {
    const states = this.#prober?.states();
    return this.#peers.usable.map((peer) => ({
      peer,
      probe: states?.get(peer.name),
      device: state?.peers.find(({ publicKey }) => publicKey === peer.publicKey),
    }));
  }
}
