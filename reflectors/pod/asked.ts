import type { Pod } from '#pkg/kube';
import { parseQuantity } from '#pkg/quantity';
import { conditionOf, type Container, type PodSpec } from './pod-types.ts';

type Resources = NonNullable<Container['resources']>;

/** What is asked of the provider for one local pod. */
export interface Asked {
  /** The pod as home wants it, without resources that are no part of the grant (POD-10). */
  readonly wanted: Pod;
  /**
   * The same in the size that the pod has there. Not `wanted` itself only while a resize is on its way or waits (POD-63):
   * what is made again meanwhile is made in this size.
   */
  readonly standing: Pod;
}

/**
 * @param living the living remote pod
 * @param leftOut keys of resources that the node has and the grant has not
 */
export function askedOf(local: Pod, living: Pod | undefined, leftOut: ReadonlySet<string>): Asked {
  const wanted = leftOut.size === 0 ? local : withContainers(local, (container) => without(container, leftOut));
  const sizes = living === undefined ? shownSizes(local) : remoteSizes(living);
  if (sizes === undefined) return { wanted, standing: wanted };
  const resizable = resizableContainers(local);
  const inItsSize = (one: Container) => (resizable.has(one.name) ? inSize(one, sizes.get(one.name)) : one);
  return { wanted, standing: withContainers(wanted, inItsSize) };
}

/** An init container that is no sidecar ends before anybody could resize it. */
function resizableContainers({ spec }: Pod): ReadonlySet<string> {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return new Set([...(spec?.containers ?? []), ...sidecars].map(({ name }) => name));
}

/** Of the keys that others put onto the node those that its grant does not have; none while the grant is unknown. */
export function leftOutKeys(
  foreign: readonly string[],
  granted: Readonly<Record<string, unknown>> | undefined,
): ReadonlySet<string> {
  return new Set(granted === undefined ? [] : foreign.filter((key) => !Object.hasOwn(granted, key)));
}

/** What a resize may change (KEP-1287). */
const RESIZABLE: ReadonlySet<string> = new Set(['cpu', 'memory']);

const PARTS = ['requests', 'limits'] as const;

/**
 * The containers whose size differs, as a strategic-merge patch of the spec for the subresource `resize`: only the amounts
 * that differ are in it. Undefined where none does. A resize never takes an amount away, so only those that are wanted
 * count; what the provider's defaults have added stays. Pure.
 */
export function resizePatch({ wanted, standing }: Asked): Partial<PodSpec> | undefined {
  if (wanted === standing) return undefined;
  const patch: Partial<PodSpec> = {};
  for (const list of ['containers', 'initContainers'] as const) {
    const now = new Map((standing.spec?.[list] ?? []).map((container) => [container.name, container]));
    const changed = (wanted.spec?.[list] ?? []).filter((container) => now.get(container.name) !== container);
    if (changed.length > 0) {
      patch[list] = changed.map(({ name, resources }) => ({ name, resources: sizeOf(resources) }));
    }
  }
  return patch;
}

function sizeOf(resources: Resources | undefined): Resources {
  const size: Resources = {};
  for (const part of PARTS) {
    const amounts = Object.entries(resources?.[part] ?? {}).filter(([key]) => RESIZABLE.has(key));
    if (amounts.length > 0) size[part] = Object.fromEntries(amounts);
  }
  return size;
}

function remoteSizes(remote: Pod): ReadonlyMap<string, Resources> {
  const containers = [...(remote.spec?.initContainers ?? []), ...(remote.spec?.containers ?? [])];
  return new Map(containers.map(({ name, resources }) => [name, resources ?? {}]));
}

/** Without a remote pod, the last size shown: where a resize waits it is not the one in the spec. */
function shownSizes(local: Pod): ReadonlyMap<string, Resources> | undefined {
  if (conditionOf(local, 'PodResizePending')?.status !== 'True') return undefined;
  const { initContainerStatuses = [], containerStatuses = [] } = local.status ?? {};
  const known = [...initContainerStatuses, ...containerStatuses].flatMap(({ name, resources }) =>
    resources === undefined ? [] : [[name, resources] as const],
  );
  return new Map(known);
}

/** The same container where nothing differs: that tells a resize. */
function inSize(container: Container, size: Resources | undefined): Container {
  if (size === undefined || container.resources === undefined) return container;
  const resources = { ...container.resources };
  let isSame = true;
  for (const part of PARTS) {
    const amounts = container.resources[part];
    if (amounts === undefined) continue;
    const entries = Object.entries(amounts).flatMap(([key, amount]) => {
      const there = size[part]?.[key];
      if (!RESIZABLE.has(key) || (there !== undefined && sameAmount(amount, there))) return [[key, amount] as const];
      isSame = false;
      return there === undefined ? [] : [[key, there] as const];
    });
    resources[part] = Object.fromEntries(entries);
  }
  return isSame ? container : { ...container, resources };
}

/** API servers write equal amounts alike, but not of every age. */
function sameAmount(a: string, b: string): boolean {
  return a === b || parseQuantity(a) === parseQuantity(b);
}

function without(container: Container, keys: ReadonlySet<string>): Container {
  const { resources } = container;
  if (!PARTS.some((part) => Object.keys(resources?.[part] ?? {}).some((key) => keys.has(key)))) return container;
  const kept: Resources = { ...resources };
  for (const part of PARTS) {
    const amounts = resources?.[part];
    if (amounts !== undefined)
      kept[part] = Object.fromEntries(Object.entries(amounts).filter(([key]) => !keys.has(key)));
  }
  return { ...container, resources: kept };
}

/** `pod` itself where `change` changes none of its containers. */
function withContainers(pod: Pod, change: (container: Container) => Container): Pod {
  const { spec } = pod;
  if (spec === undefined) return pod;
  const containers = spec.containers.map(change);
  const initContainers = spec.initContainers?.map(change);
  const isSame = (now: readonly Container[] = [], before: readonly Container[] = []) =>
    now.every((container, index) => container === before[index]);
  if (isSame(containers, spec.containers) && isSame(initContainers, spec.initContainers)) return pod;
  return { ...pod, spec: { ...spec, containers, ...(initContainers !== undefined && { initContainers }) } };
}
