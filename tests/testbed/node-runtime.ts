import { createConnection } from 'node:net';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { runCommand } from '#pkg/runtime';
import type { ClusterPlan, NodePlan } from './address-plan.ts';
import { waitFor } from './api-client.ts';
import { type BedFolder, nodePath, writeFileAtomic } from './bed-folder.ts';
import { lastLine } from './daemon.ts';
import { TestbedError } from './errors.ts';

/** A large image on a busy machine. */
const IMPORT_TIMEOUT_MS = 5 * 60_000;
const SOCKET_DEADLINE_MS = 60_000;

export interface NodeTarget {
  readonly bed: BedFolder;
  readonly cluster: ClusterPlan;
  readonly node: NodePlan;
}

function socketOf({ bed, cluster, node }: NodeTarget): string {
  return nodePath(bed, cluster, node, 'containerd.sock');
}

/** Waits until the node's containerd takes connections. */
export async function waitForContainerd(target: NodeTarget, signal: AbortSignal): Promise<void> {
  const { bed, cluster, node } = target;
  await waitFor(() => refusal(socketOf(target)), {
    signal,
    deadlineMs: SOCKET_DEADLINE_MS,
    late: async (last) =>
      new TestbedError('NotReady', {
        attempted: 'start containerd',
        where: node.nodeName,
        why: `${last}; its log ends with: ${await lastLine(nodePath(bed, cluster, node, 'logs/containerd.log'))}`,
        next: `read ${nodePath(bed, cluster, node, 'logs/containerd.log')}`,
      }),
  });
}

/** Why a unix socket takes no connection, undefined where it does. */
function refusal(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(path, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on('error', (error) => resolve(error.message));
  });
}

/** Imports a docker archive into the node. */
export async function importImage(target: NodeTarget, archive: string, signal: AbortSignal): Promise<void> {
  await runCommand('ctr', ['--address', socketOf(target), '--namespace', 'k8s.io', 'images', 'import', archive], {
    timeoutMs: IMPORT_TIMEOUT_MS,
    signal,
  });
}

/** An archive of the cache; its name changes with its content. */
export interface CachedImage {
  /** What it is: of one purpose the node has one archive, the one imported last. */
  readonly purpose: 'base' | 'product';
  readonly archive: string;
}

/** Imports an archive of the cache unless it is the one that the node has already. */
export async function ensureImage(target: NodeTarget, image: CachedImage, signal: AbortSignal): Promise<void> {
  const record = importRecord(target);
  const imported = await readImported(record);
  const name = basename(image.archive);
  if (imported[image.purpose] === name) return;
  await importImage(target, image.archive, signal);
  await writeFileAtomic(record, JSON.stringify({ ...imported, [image.purpose]: name }));
}

/** File name in the cache of the archive that a node has for that purpose; undefined where it has none. */
export async function importedArchive(
  target: NodeTarget,
  purpose: CachedImage['purpose'],
): Promise<string | undefined> {
  return (await readImported(importRecord(target)))[purpose];
}

function importRecord({ bed, cluster, node }: NodeTarget): string {
  return nodePath(bed, cluster, node, 'imported.json');
}

async function readImported(record: string): Promise<Partial<Record<CachedImage['purpose'], string>>> {
  try {
    return JSON.parse(await readFile(record, 'utf8')) as Partial<Record<CachedImage['purpose'], string>>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
