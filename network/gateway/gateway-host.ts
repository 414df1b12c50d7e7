import { setTimeout as sleep } from 'node:timers/promises';
import { flushRange, NatTable, renderGatewayTable } from '#network/nat';
import { Overlay } from '#network/overlay';
import { type Device, isEmptyPlan } from '#network/wireguard';
import type { Log } from '#pkg/runtime';
import { type GatewayPlan, OVERLAY_DEVICE, TUNNEL_DEVICE } from './plan-gateway.ts';
import { applyTunnelRoutes } from './tunnel-routes.ts';

/** The network of a gateway pod. Calls must not overlap: its loop is the only caller. */
export class GatewayHost {
  readonly #overlay = new Overlay({ forwarding: 'enable' });
  readonly #nat = new NatTable();
  readonly #device: Device;
  readonly #log: Log;
  /** What was applied last, as text: what did not change is only looked at to find drift. */
  #applied = { overlay: '', nat: '', tunnel: '' };
  /** How peers' ranges were translated: connections of what goes are forgotten. */
  #mappings = new Map<string, string>();

  constructor(device: Device, log: Log) {
    this.#device = device;
    this.#log = log;
  }

  /**
   * Makes the pod's network hold `plan`.
   * @param sets elements of sets of the packet rules that come and go without them: who may exchange packets
   * @param isCheck also what did not change is looked at and repaired
   */
  async apply(
    plan: GatewayPlan,
    sets: ReadonlyMap<string, readonly string[]>,
    isCheck: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const overlay = JSON.stringify(plan.overlay);
    const nat = renderGatewayTable(plan.nat);
    const tunnel = textOf(plan);
    const repaired: string[] = [];
    if (isCheck || overlay !== this.#applied.overlay) {
      const done = await this.#overlay.apply(plan.overlay, signal);
      if (overlay === this.#applied.overlay) repaired.push(...done);
      this.#applied.overlay = overlay;
    }
    if (isCheck || nat !== this.#applied.nat) {
      if ((await this.#nat.apply(nat, signal, sets)) === 'repaired') repaired.push('packet rules');
      this.#applied.nat = nat;
      await this.#forgetConnections(plan, signal);
    } else {
      await this.#nat.updateSets(sets, signal);
    }
    if (isCheck || tunnel !== this.#applied.tunnel) {
      const steps = await this.#device.apply(plan.tunnel, signal);
      const routes = await applyTunnelRoutes(TUNNEL_DEVICE, plan.tunnelRoutes, signal);
      if (tunnel === this.#applied.tunnel) repaired.push(...(isEmptyPlan(steps) ? [] : ['tunnel']), ...routes);
      this.#applied.tunnel = tunnel;
    }
    if (repaired.length > 0) this.#log.warn({ repaired }, 'what somebody changed was put right');
  }

  /** The device has come back as a new one, without routes. */
  replaced(): void {
    this.#applied.tunnel = '';
  }

  counters(signal: AbortSignal): ReturnType<NatTable['counters']> {
    return this.#nat.counters(signal);
  }

  /** Takes everything away; the pod's namespace goes with the pod, but a container may start again in it. */
  async cleanup(): Promise<void> {
    const signal = AbortSignal.timeout(5_000);
    await Promise.race([this.#device.cleanup(signal), sleep(3_000)]);
    await this.#overlay.cleanup(OVERLAY_DEVICE, signal);
    await this.#nat.cleanup(signal);
  }

  async #forgetConnections({ nat }: GatewayPlan, signal: AbortSignal): Promise<void> {
    const now = mappingsOf(nat);
    // Also of a range that is new: what was sent to it before went another way, untranslated, and goes on so while it
    // goes on at all.
    for (const range of new Set([...this.#mappings.keys(), ...now.keys()])) {
      if (now.get(range) !== this.#mappings.get(range)) await flushRange(range, signal);
    }
    this.#mappings = now;
  }
}

/** Only compared, and kept in memory as the device itself is: a key that rotates is a change. */
function textOf({ tunnel, tunnelRoutes }: GatewayPlan): string {
  return JSON.stringify([{ ...tunnel, privateKey: tunnel.privateKey.base64() }, tunnelRoutes]);
}

/**
 * By range of a peer, all that its connections are translated by: what was announced to the peer, and as what the range
 * itself was announced to others.
 */
function mappingsOf({ peers }: GatewayPlan['nat']): Map<string, string> {
  const announced = peers.flatMap((peer) => peer.announced.map((mapping) => ({ to: peer.name, ...mapping })));
  const passedOn = Map.groupBy(announced, ({ original }) => original);
  return new Map(
    peers.flatMap((peer) =>
      peer.ranges.map((range) => [range, JSON.stringify([peer.announced, passedOn.get(range)])] as const),
    ),
  );
}
