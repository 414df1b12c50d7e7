import { isIPv6 } from 'node:net';
import { OverlayError } from './errors.ts';
import { foreignRoute } from './foreign-route.ts';
import { Host, type HostOptions } from './host.ts';
import { planAddresses } from './plan-addresses.ts';
import { isOurs, planLink } from './plan-link.ts';
import { planForwarding, planNeighbours } from './plan-neighbours.ts';
import { planRoutes } from './plan-routes.ts';
import { planRules, TABLE } from './plan-rules.ts';
import type { OverlayState } from './state.ts';
import { checkState } from './check-state.ts';
import { deviceSysctls } from './sysctls.ts';

/** Made anew, set up, seen to be right: more rounds mean that somebody changes the link while we do. */
const LINK_ROUNDS = 3;

export interface OverlayOptions extends HostOptions {
  /**
   * What to do where the kernel forwards nothing. `check`: refuse, for nodes, where that is the admin's decision.
   * `enable`: switch it on, for the gateway pod's own network namespace. Default `check`.
   */
  readonly forwarding?: 'check' | 'enable';
}

/** One overlay device with its neighbours and routes. Not safe for concurrent calls: its owner holds it alone. */
export class Overlay {
  readonly #host: Host;
  readonly #forwarding: 'check' | 'enable';

  constructor({ forwarding = 'check', ...host }: OverlayOptions = {}) {
    this.#host = new Host(host);
    this.#forwarding = forwarding;
  }

  /**
   * Makes the host hold exactly `state`. Total and idempotent; what stands already is not touched, and links, routes and
   * neighbours of other devices never are.
   * @returns what was done, a line each; without a change of `state` these lines are repaired drift (NET-29)
   * @throws OverlayError
   */
  async apply(state: OverlayState, signal: AbortSignal): Promise<string[]> {
    checkState(state);
    const { device, remotes, routes, forwarded } = state;
    const { name } = device;
    const host = this.#host;
    const done = [...(await this.#link(state, signal)), ...(await this.#sysctls(state))];
    const step = async (program: 'ip' | 'bridge', lines: readonly string[]): Promise<void> => {
      await host.batch(program, lines, signal);
      done.push(...lines);
    };
    await step('ip', planAddresses(name, device.addresses, await host.addresses(name, signal)));
    await step('bridge', planForwarding(name, remotes, await host.forwarding(name, signal)));
    await step('ip', planNeighbours(name, remotes, await host.neighbours(name, signal)));
    await step('ip', planRoutes(name, routes, await host.routes(name, signal)));
    if (forwarded === undefined) return done;
    await step('ip', planRoutes(name, forwarded.routes, await host.routes(name, signal, TABLE), TABLE));
    done.push(...(await this.#rules(forwarded.from, signal)));
    return done;
  }

  /** `OverlayRouteForeign` where a route of somebody else takes packets of `state` away; that route stays. */
  async foreignRoute({ device, routes }: OverlayState, signal: AbortSignal): Promise<OverlayError | undefined> {
    return foreignRoute(device.name, routes, await this.#host.allRoutes(signal));
  }

  /**
   * Removes the device and with it neighbours and routes. Safe in any state, twice, and after a crash; a link of that
   * name that is not ours stays. Settings below `all` stay too: nobody knows any more who else relies on them.
   */
  async cleanup(name: string, signal: AbortSignal): Promise<void> {
    const links = await this.#host.links(signal);
    const found = links.some((link) => link.name === name && isOurs(link));
    if (found) await this.#host.batch('ip', [`link del ${name}`], signal);
    await this.#rules(undefined, signal);
  }

  async #rules(from: string | undefined, signal: AbortSignal): Promise<string[]> {
    const done: string[] = [];
    for (const family of ['-4', '-6'] as const) {
      const lines = planRules(from, await this.#host.rules(family, signal));
      await this.#host.batch('ip', lines, signal, [family]);
      done.push(...lines);
    }
    return done;
  }

  async #link({ device }: OverlayState, signal: AbortSignal): Promise<string[]> {
    const done: string[] = [];
    for (let round = 0; round < LINK_ROUNDS; round += 1) {
      const lines = planLink(device, await this.#host.links(signal));
      if (lines.length === 0) break;
      await this.#host.batch('ip', lines, signal);
      done.push(...lines);
    }
    return done;
  }

  async #sysctls({ device, routes: plain, forwarded }: OverlayState): Promise<string[]> {
    const routes = [...plain, ...(forwarded?.routes ?? [])];
    const forwarding = new Map([
      ['net/ipv4/ip_forward', routes.some(({ via }) => !isIPv6(via))],
      ['net/ipv6/conf/all/forwarding', routes.some(({ via }) => isIPv6(via))],
    ]);
    const wanted = deviceSysctls(device.name);
    for (const [key, isNeeded] of forwarding) if (isNeeded) wanted.set(key, '1');
    const done: string[] = [];
    for (const [key, value] of wanted) {
      const found = await this.#host.sysctls.read(key);
      // No such setting: a kernel without that family, which then has no route of it either.
      if (found === undefined || found === value) continue;
      if (forwarding.has(key) && this.#forwarding === 'check') throw forwardingOff(key, found);
      await this.#host.sysctls.write(key, value).catch((cause: Error) => {
        const facts = {
          attempted: 'set up the overlay',
          where: key,
          why: `cannot be set to ${value}: ${cause.message}`,
        };
        throw new OverlayError('OverlaySysctlRefused', facts, { cause });
      });
      done.push(`sysctl ${key}=${value}`);
    }
    return done;
  }
}

function forwardingOff(key: string, found: string): OverlayError {
  return new OverlayError('OverlayForwardingOff', {
    attempted: 'set up the overlay',
    where: key,
    why: `it is ${found}`,
  });
}
