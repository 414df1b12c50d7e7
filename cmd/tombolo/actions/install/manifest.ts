import type { Cluster } from '#pkg/kube';

/** Documents of a rendered chart without comments and blanks, sorted: equal texts install the same. */
export function normalised(manifest: string): string[] {
  return manifest
    .split(/^---\s*$/m)
    .map((document) => document.replaceAll(/^#.*$/gm, '').trim())
    .filter((document) => document !== '')
    .toSorted((a, b) => (a < b ? -1 : 1));
}

interface Document {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

/** Which objects of an installed manifest are not in the cluster any more, as `Kind name`. */
export async function missingObjects(manifest: string, cluster: Cluster, signal: AbortSignal): Promise<string[]> {
  const { parse } = await import('yaml');
  const documents = normalised(manifest).map((text) => parse(text) as Document | null);
  const present = documents.filter((document) => document !== null);
  const answers = await Promise.all(
    present.map(async (document) => (await cluster.client.request('GET', pathOf(document), { signal })).status),
  );
  return present.flatMap(({ kind, metadata }, index) => (answers[index] === 404 ? [`${kind} ${metadata.name}`] : []));
}

/** Plural of a built-in kind: the chart holds no other. */
function pathOf({ apiVersion, kind, metadata }: Document): string {
  const plural = kind.toLowerCase().replace(/y$/, 'ie') + 's';
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${scope}/${plural}/${encodeURIComponent(metadata.name)}`;
}
