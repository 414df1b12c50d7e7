import { resolve } from 'node:path';
import type { BedRequest } from './address-plan.ts';
import { type Bed, openBed } from './bed.ts';
import { bedFolder } from './bed-folder.ts';
import { removeBed } from './bed-down.ts';
import { addBedNode, removeBedNode } from './bed-nodes.ts';
import { ensureBed, type UpContext } from './bed-up.ts';
import { cacheFolder } from './cache-folder.ts';
import { installTombolo } from './install-tombolo.ts';
import { type Progress, progress } from './progress.ts';

/** The checkout this file belongs to. */
const CHECKOUT = resolve(import.meta.dirname, '../..');

export interface TestbedOptions {
  /** Folder of the bed. Default: `.testbed` of the checkout. */
  readonly dir?: string;
  /** Default: prints to stderr. */
  readonly progress?: Progress;
}

export interface UpOptions extends TestbedOptions, BedRequest {
  /** Leave Tombolo out. Default false. */
  readonly bare?: boolean;
  /** Of Tombolo's controller and kubelet. Default: those of the chart, or of the installation that stands. */
  readonly replicas?: number | undefined;
}

function contextOf(options: TestbedOptions, signal: AbortSignal): UpContext {
  return {
    bed: bedFolder(options.dir ?? resolve(CHECKOUT, '.testbed')),
    cache: cacheFolder(process.env),
    progress: options.progress ?? progress((line) => process.stderr.write(line)),
    signal,
  };
}

/**
 * Brings a bed up and returns it: all nodes Ready, names resolve, Tombolo installed unless `bare`. Idempotent; goes on
 * where an earlier run was killed, and starts again what died. Takes about 10 s, the very first time on a machine
 * about 15 min more for building the components.
 * @throws TestbedError
 */
export async function upTestbed(options: UpOptions, signal: AbortSignal): Promise<Bed> {
  const context = contextOf(options, signal);
  await ensureBed(options, context);
  const bed = await openBed(context.bed.path);
  if (options.bare !== true) await installTombolo(bed, { ...context, checkout: CHECKOUT }, options.replicas);
  return bed;
}

/** Removes a bed with everything in it. Safe to call twice and in any half state. @throws TestbedError */
export async function downTestbed(options: TestbedOptions, signal: AbortSignal): Promise<void> {
  await removeBed(contextOf(options, signal));
}

export interface NodeOptions extends TestbedOptions {
  readonly cluster: string;
  /** `node2`. */
  readonly node: string;
}

/**
 * Adds a node to a cluster of a bed that is up, with Tombolo's image where the other nodes have it. Idempotent.
 * @param options without `node`: the lowest number that is free
 * @returns the name of its Node, which is Ready
 * @throws TestbedError
 */
export function addNode(
  { cluster, node, ...options }: Omit<NodeOptions, 'node'> & { readonly node: string | undefined },
  signal: AbortSignal,
): Promise<string> {
  return addBedNode(cluster, node, contextOf(options, signal));
}

/**
 * Takes a node other than the first one away, with everything that the bed made for it. Goes on where an earlier run was
 * killed.
 * @returns the name that its Node had
 * @throws TestbedError
 */
export function removeNode({ cluster, node, ...options }: NodeOptions, signal: AbortSignal): Promise<string> {
  return removeBedNode(cluster, node, contextOf(options, signal));
}
