import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, runCommand } from '#pkg/runtime';
import type { Bed } from './bed.ts';
import { bedFolder, readPlan, writeFileAtomic } from './bed-folder.ts';
import type { BedCluster } from './cluster.ts';
import { TestbedError } from './errors.ts';
import { ensureImage } from './node-runtime.ts';
import { ensurePackages, IMAGE_PACKAGES } from './prerequisites.ts';
import { ensureProductImage, PRODUCT_IMAGE, type ProductContext, type ProductImage } from './product-image.ts';
import { together } from './together.ts';

/** The CLI waits for the controller by itself; this is for a CLI that hangs. */
const INSTALL_TIMEOUT_MS = 10 * 60_000;

/**
 * Installs Tombolo in all clusters, the way a user does: image from the Dockerfile, then `tombolo install`. Idempotent;
 * a changed image rolls the pods.
 * @param replicas of controller and kubelet; default: those of the chart, or of the installation that stands
 */
export async function installTombolo(bed: Bed, context: ProductContext, replicas?: number): Promise<void> {
  await ensurePackages(IMAGE_PACKAGES, context);
  const image = await ensureProductImage(context);
  await loadEverywhere(context, image);
  await writeLaunchers(bed, context.checkout);
  await together(bed.clusters, context.signal, (cluster, signal) =>
    install(bed, cluster, { ...context, signal }, image, replicas),
  );
}

async function loadEverywhere(context: ProductContext, image: ProductImage): Promise<void> {
  const { bed, progress, signal } = context;
  const plan = await readPlan(bedFolder(bed.path));
  const targets = (plan?.clusters ?? []).flatMap((cluster) => cluster.nodes.map((node) => ({ bed, cluster, node })));
  await progress.step(`load ${PRODUCT_IMAGE} into ${targets.length} nodes`, () =>
    together(targets, signal, (target, joined) =>
      ensureImage(target, { purpose: 'product', archive: image.archive }, joined),
    ),
  );
}

/** The CLI of the checkout, with the bed's Helm; as itself and as plugin of the bed's kubectl. */
async function writeLaunchers(bed: Bed, checkout: string): Promise<void> {
  const bin = join(bed.folder, 'bin');
  for (const name of ['tombolo', 'kubectl-tombolo', 'kubectl_complete-tombolo']) {
    const lines = [
      '#!/bin/sh',
      `export TOMBOLO_HELM="\${TOMBOLO_HELM:-${join(bin, 'helm')}}"`,
      `exec "${join(checkout, 'cmd/tombolo/bin', name)}" "$@"`,
    ];
    await writeFileAtomic(join(bin, name), `${lines.join('\n')}\n`);
    await chmod(join(bin, name), 0o755);
  }
}

async function install(
  bed: Bed,
  cluster: BedCluster,
  context: ProductContext,
  image: ProductImage,
  replicas: number | undefined,
): Promise<void> {
  const { progress, signal } = context;
  // The tag stays the same for every build: this annotation is what makes the pods start again with a new image.
  const annotations = ['controller', 'kubelet', 'gateway', 'agent'].flatMap((part) => [
    '--set',
    `${part}.podAnnotations.tombolo\\.test/image=h${image.hash}`,
  ]);
  const args = ['--kubeconfig', cluster.kubeconfig, '--cluster-name', cluster.name, '--image', PRODUCT_IMAGE];
  if (replicas !== undefined)
    for (const part of ['controller', 'kubelet']) args.push('--set', `${part}.replicas=${replicas}`);
  const plan = (await readPlan(bedFolder(bed.folder)))?.clusters.find(({ name }) => name === cluster.name);
  // The nodes say only what of it is in use.
  if (plan !== undefined) args.push('--pod-range', plan.podRange);
  await progress.step(`${cluster.name}: tombolo install`, async (note) => {
    try {
      await runCommand(join(bed.folder, 'bin/tombolo'), ['install', ...args, ...annotations], {
        timeoutMs: INSTALL_TIMEOUT_MS,
        signal,
        onStderrLine: note,
      });
    } catch (cause) {
      if (!(cause instanceof CommandError)) throw cause;
      const why = cause.stderr.trim().split('\n').at(-1) || cause.why;
      throw new TestbedError('StepFailed', { attempted: 'install Tombolo', where: cluster.name, why }, { cause });
    }
  });
}
