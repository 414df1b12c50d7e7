import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cluster, CRD, type CustomResourceDefinition } from '#pkg/kube';
import { CliError } from '../../errors.ts';
import { undefinedIfAbsent } from '../installed.ts';

/** Beside the bundle, else in the sources. */
const FOLDERS = ['chart', '../../../../charts/tombolo'].map((folder) => join(import.meta.dirname, folder));

/** The folder of the chart: the one that was named, else the one that belongs to this program. */
export async function chartFolder(named: string | undefined): Promise<string> {
  for (const folder of named === undefined ? FOLDERS : [named]) {
    if (await isReadable(join(folder, 'Chart.yaml'))) return folder;
  }
  throw new CliError('BadFlag', {
    attempted: 'find the chart',
    where: named ?? FOLDERS.join(', '),
    why: 'there is no Chart.yaml',
    next: 'name the folder of the chart with --chart',
  });
}

async function isReadable(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

/** Owner of the CRDs' fields; Helm installs CRDs once and never updates them, so we do. */
const FIELD_MANAGER = 'tombolo-cli';

/**
 * Makes the CRDs equal to those of the chart, and waits until the API server serves them.
 * @returns whether any of them changed
 */
export async function applyCrds(cluster: Cluster, chart: string, signal: AbortSignal): Promise<boolean> {
  const crds = await readCrds(chart);
  const changes = await Promise.all(
    crds.map(async (crd) => {
      const before = await cluster.client.get(CRD, { name: crd.metadata.name }, { signal }).catch(undefinedIfAbsent);
      const after = await cluster.client.apply(CRD, crd, { fieldManager: FIELD_MANAGER, force: true, signal });
      return before?.spec === undefined || before.metadata.generation !== after.metadata.generation;
    }),
  );
  return changes.includes(true);
}

/** The CRDs of a chart, in the order of their file names. */
export async function readCrds(chart: string): Promise<CustomResourceDefinition[]> {
  const { parse } = await import('yaml');
  const folder = join(chart, 'crds');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml')).toSorted((a, b) => a.localeCompare(b));
  return await Promise.all(
    files.map(async (file) => parse(await readFile(join(folder, file), 'utf8')) as CustomResourceDefinition),
  );
}

/** Names of the CRDs that the API server does not serve yet. */
export async function unservedCrds(cluster: Cluster, chart: string, signal: AbortSignal): Promise<string[]> {
  const names = (await readCrds(chart)).map((crd) => crd.metadata.name);
  const served = await Promise.all(
    names.map(async (name) => {
      const crd = await cluster.client.get(CRD, { name }, { signal });
      return crd.status?.conditions?.some((entry) => entry.type === 'Established' && entry.status === 'True') ?? false;
    }),
  );
  return names.filter((_, index) => served[index] !== true);
}
