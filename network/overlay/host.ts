import { CommandError, runCommand } from '#pkg/runtime';
import type { ActualRoute, DeviceRoute, ForwardingEntry, Link, Neighbour } from './actual.ts';
import { type ActualRule, PRIORITY } from './plan-rules.ts';
import { OverlayError } from './errors.ts';
import { procSysctls, type Sysctls } from './sysctls.ts';

export interface HostOptions {
  /** How `ip` and `bridge` are started. Another one than `runCommand` reaches into another network namespace. */
  readonly run?: typeof runCommand;
  readonly sysctls?: Sysctls;
}

interface IpLink {
  readonly ifname: string;
  readonly group?: string;
  readonly address?: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly inet6_addr_gen_mode?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: { id?: number; port?: number; local?: string; local6?: string; learning?: boolean };
  };
}

interface IpRoute {
  readonly dst: string;
  readonly dev?: string;
  readonly gateway?: string;
  readonly protocol?: string;
  readonly metric?: number;
  readonly metrics?: readonly { readonly mtu?: number }[];
}

/** The network of this host through `ip` and `bridge`: reads lists, runs batches. Holds nothing. */
export class Host {
  readonly #run: typeof runCommand;
  readonly sysctls: Sysctls;

  constructor({ run = runCommand, sysctls = procSysctls }: HostOptions = {}) {
    this.#run = run;
    this.sysctls = sysctls;
  }

  async links(signal: AbortSignal): Promise<Link[]> {
    const links = await this.#list<IpLink>('ip', ['-details', 'link', 'show'], signal);
    return links.map(toLink);
  }

  /** With prefix length, the kernel's order. */
  async addresses(device: string, signal: AbortSignal): Promise<string[]> {
    type Entry = { readonly addr_info?: readonly { readonly local: string; readonly prefixlen: number }[] };
    const entries = await this.#list<Entry>('ip', ['addr', 'show', 'dev', device], signal);
    return entries.flatMap(({ addr_info = [] }) => addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`));
  }

  async forwarding(device: string, signal: AbortSignal): Promise<ForwardingEntry[]> {
    type Entry = { readonly mac: string; readonly dst?: string; readonly state?: string };
    const entries = await this.#list<Entry>('bridge', ['fdb', 'show', 'dev', device], signal);
    return entries.flatMap(({ mac, dst, state }) =>
      dst === undefined ? [] : [{ mac, underlay: dst, isPermanent: state === 'permanent' }],
    );
  }

  async neighbours(device: string, signal: AbortSignal): Promise<Neighbour[]> {
    type Entry = { readonly dst: string; readonly lladdr?: string };
    const entries = await this.#list<Entry>('ip', ['neigh', 'show', 'dev', device, 'nud', 'permanent'], signal);
    return entries.map(({ dst, lladdr = '' }) => ({ address: dst, mac: lladdr }));
  }

  /** Of both families, without those that the kernel makes for its own addresses. @param table default: the main one */
  async routes(device: string, signal: AbortSignal, table?: number): Promise<ActualRoute[]> {
    const where = table === undefined ? [] : ['table', String(table)];
    const routes: IpRoute[] = [];
    for (const family of ['-4', '-6']) {
      routes.push(...(await this.#list<IpRoute>('ip', [family, 'route', 'show', 'dev', device, ...where], signal)));
    }
    return routes.filter(({ protocol }) => protocol !== 'kernel').map(toRoute);
  }

  /** The main table of both families, whatever their devices, without those that the kernel makes for its own addresses. */
  async allRoutes(signal: AbortSignal): Promise<DeviceRoute[]> {
    const routes: IpRoute[] = [];
    for (const family of ['-4', '-6'])
      routes.push(...(await this.#list<IpRoute>('ip', [family, 'route', 'show'], signal)));
    return routes
      .filter(({ protocol }) => protocol !== 'kernel')
      .map((route) => ({ ...toRoute(route), device: route.dev ?? '' }));
  }

  /** Rules of one family that have our priority. */
  async rules(family: '-4' | '-6', signal: AbortSignal): Promise<ActualRule[]> {
    return await this.#list<ActualRule>('ip', [family, 'rule', 'show', 'pref', String(PRIORITY)], signal);
  }

  /**
   * Runs lines in their order, one fork for all. No transaction: the lines before a bad one stay done, so every
   * beginning of a plan must be a state that the next plan can go on from.
   * @throws OverlayError `OverlayToolFailed`
   */
  async batch(
    program: 'ip' | 'bridge',
    lines: readonly string[],
    signal: AbortSignal,
    options: readonly string[] = [],
  ): Promise<void> {
    if (lines.length > 0) await this.#call(program, [...options, '-batch', '-'], signal, `${lines.join('\n')}\n`);
  }

  async #list<Entry>(program: 'ip' | 'bridge', args: readonly string[], signal: AbortSignal): Promise<Entry[]> {
    const stdout = await this.#call(program, ['-json', ...args], signal);
    // Nothing at all is an empty list for some subcommands.
    return stdout.trim() === '' ? [] : (JSON.parse(stdout) as Entry[]);
  }

  async #call(program: string, args: readonly string[], signal: AbortSignal, input = ''): Promise<string> {
    try {
      return (await this.#run(program, args, { signal, input })).stdout;
    } catch (cause) {
      if (!(cause instanceof CommandError)) throw cause;
      // A table that never held a route.
      if (cause.stderr.includes('FIB table does not exist')) return '';
      const lines = input.split('\n');
      const bad = Number(/Command failed -:(\d+)/.exec(cause.stderr)?.[1] ?? 0);
      const where = bad === 0 ? cause.command : `${program} ${lines[bad - 1]}`;
      throw new OverlayError(
        'OverlayToolFailed',
        { attempted: 'set up the overlay', where, why: cause.why },
        { cause },
      );
    }
  }
}

function toLink(link: IpLink): Link {
  const { info_kind: kind, info_data: data } = link.linkinfo ?? {};
  const local = data?.local ?? data?.local6;
  return {
    name: link.ifname,
    group: link.group ?? 'default',
    mac: link.address ?? '',
    mtuBytes: link.mtu,
    isUp: link.flags.includes('UP'),
    ...(kind === undefined ? {} : { kind }),
    ...(link.inet6_addr_gen_mode === undefined ? {} : { ipv6AddressMode: link.inet6_addr_gen_mode }),
    ...(kind !== 'vxlan' || data === undefined
      ? {}
      : {
          vxlan: {
            learns: data.learning ?? true,
            ...(data.id === undefined ? {} : { vni: data.id }),
            ...(data.port === undefined ? {} : { port: data.port }),
            ...(local === undefined ? {} : { local }),
          },
        }),
  };
}

function toRoute({ dst, gateway, metric = 0, metrics = [] }: IpRoute): ActualRoute {
  const mtuBytes = metrics.find(({ mtu }) => mtu !== undefined)?.mtu;
  return {
    destination: dst,
    metric,
    ...(gateway === undefined ? {} : { via: gateway }),
    ...(mtuBytes === undefined ? {} : { mtuBytes }),
  };
}
