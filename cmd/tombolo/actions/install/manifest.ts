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
  spec?: { replicas?: number };
}

/**
 * Which objects of an installed manifest are gone, or are Deployments that somebody has scaled, as `Kind name`. What else was
 * changed by hand is left to its author.
 */
export async function driftedObjects(manifest: string, cluster: Cluster, signal: AbortSignal): Promise<string[]> {
  const { parse } = await import('yaml');
  const documents = normalised(manifest).map((text) => parse(text) as Document | null);
  const wanted = documents.filter((document) => document !== null);
  const answers = await Promise.all(
    wanted.map((document) => cluster.client.request('GET', pathOf(document), { signal })),
  );
  return wanted.flatMap((document, index) => {
    const answer = answers[index];
    const isMissing = answer?.status === 404;
    const isScaled = document.kind === 'Deployment' && answer?.status === 200 && isScaledFrom(document, answer.body);
    return isMissing || isScaled ? [`${document.kind} ${document.metadata.name}`] : [];
  });
}

function isScaledFrom({ spec }: Document, body: Buffer): boolean {
  const live = JSON.parse(body.toString('utf8')) as Document;
  return live.spec?.replicas !== spec?.replicas;
}

/** Plural of a built-in kind: the chart holds no other. */
function pathOf({ apiVersion, kind, metadata }: Document): string {
  const plural = kind.toLowerCase().replace(/y$/, 'ie') + 's';
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${scope}/${plural}/${encodeURIComponent(metadata.name)}`;
}
