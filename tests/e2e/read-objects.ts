import { type Cluster, connectCluster, loadKubeconfig } from '#pkg/kube';

/** What a `kubectl get` asks for. */
export interface GetQuery {
  readonly kinds: readonly string[];
  readonly name?: string;
  /** Absent: `default`, where the kind has namespaces. */
  readonly namespace?: string;
  readonly isOfAll: boolean;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** What is asked for by the arguments of a `kubectl get`; undefined where they say more than is read here. Pure. */
export function readGet(args: readonly string[]): GetQuery | undefined {
  const words: string[] = [];
  const found: Record<string, string> = {};
  let isOfAll = false;
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? '';
    const flag = FLAGS[word];
    if (word === '-A' || word === '--all-namespaces') isOfAll = true;
    else if (flag !== undefined) {
      const value = args[++index];
      if (value === undefined) return undefined;
      found[flag] = value;
    } else if (word.startsWith('-')) return undefined;
    else words.push(word);
  }
  const [verb, kinds = '', name, ...more] = words;
  if (verb !== 'get' || kinds === '' || kinds.includes('/') || more.length > 0) return undefined;
  if (name !== undefined && (kinds.includes(',') || isOfAll)) return undefined;
  return { kinds: kinds.split(','), isOfAll, ...(name !== undefined && { name }), ...found };
}

const FLAGS: Readonly<Record<string, keyof GetQuery>> = {
  '-n': 'namespace',
  '--namespace': 'namespace',
  '-l': 'labelSelector',
  '--selector': 'labelSelector',
  '--field-selector': 'fieldSelector',
};

interface Kind {
  readonly base: string;
  readonly plural: string;
  readonly kind: string;
  readonly apiVersion: string;
  readonly isNamespaced: boolean;
}

/** An object of any kind. */
type Json = Record<string, unknown>;

/** Reads objects as `kubectl get -o json` prints them, without starting a program for each look: tests look several times a second. */
export interface ObjectReader {
  /**
   * @returns the object, or a List; undefined where there is none of that name
   * @throws UnknownKind where discovery does not name the kind, KubeError where the API server refuses or gives no answer
   */
  get(query: GetQuery): Promise<Json | undefined>;
}

/** A kind that this cluster does not have, as far as discovery said. */
export class UnknownKind extends Error {}

const readers = new Map<string, ObjectReader>();

/** One per kubeconfig and process. */
export function objectReader(kubeconfig: string): ObjectReader {
  const reader = readers.get(kubeconfig) ?? makeReader(kubeconfig);
  readers.set(kubeconfig, reader);
  return reader;
}

function makeReader(kubeconfig: string): ObjectReader {
  let connecting: Promise<Cluster> | undefined;
  let discovering: Promise<ReadonlyMap<string, Kind>> | undefined;
  const cluster = () =>
    (connecting ??= loadKubeconfig(kubeconfig).then((config) => connectCluster({ ...config, name: kubeconfig })));

  async function read(path: string, query: Record<string, string> = {}): Promise<Json | undefined> {
    const { client } = await cluster();
    const { status, headers, body } = await client.request('GET', path, { query });
    // Plain text: it is the kind that is gone, and kubectl shall say so.
    const isStatus = String(headers['content-type']).startsWith('application/json');
    if (status === 404 && !isStatus) throw new UnknownKind(path);
    const document = JSON.parse(body.toString()) as Json;
    if (status === 404) return undefined;
    if (status >= 300) throw new Error(`GET ${path}: ${status}: ${String(document['message'])}`);
    return document;
  }

  /** By plural, singular, kind, short name and `plural.group`; of two groups the first that the server names counts. */
  async function discover(): Promise<ReadonlyMap<string, Kind>> {
    const groups = ((await read('/apis'))?.['groups'] ?? []) as { preferredVersion: { groupVersion: string } }[];
    const versions = ['v1', ...groups.map(({ preferredVersion }) => preferredVersion.groupVersion)];
    const kinds = new Map<string, Kind>();
    for (const apiVersion of versions) {
      const base = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
      const resources = ((await read(base))?.['resources'] ?? []) as Resource[];
      for (const { name, singularName, kind, namespaced, shortNames = [] } of resources) {
        if (name.includes('/')) continue;
        const entry = { base, plural: name, kind, apiVersion, isNamespaced: namespaced };
        const group = apiVersion.includes('/') ? [`${name}.${apiVersion.split('/')[0]}`] : [];
        for (const key of [name, singularName, kind.toLowerCase(), ...shortNames, ...group]) {
          if (!kinds.has(key)) kinds.set(key, entry);
        }
      }
    }
    return kinds;
  }

  function pathOf({ base, plural, isNamespaced }: Kind, { namespace = 'default', isOfAll, name }: GetQuery): string {
    const scope = isNamespaced && !isOfAll ? `/namespaces/${namespace}` : '';
    return `${base}${scope}/${plural}${name === undefined ? '' : `/${name}`}`;
  }

  return {
    async get(query) {
      discovering ??= discover();
      const known = await discovering.catch((error: unknown) => {
        discovering = undefined;
        throw error;
      });
      const kinds = query.kinds.map((word) => known.get(word.toLowerCase()));
      const { labelSelector, fieldSelector } = query;
      const selectors = { ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) };
      const items: Json[] = [];
      for (const kind of kinds) {
        if (kind === undefined) throw new UnknownKind(query.kinds.join());
        const document = await read(pathOf(kind, query), selectors);
        if (query.name !== undefined) return document && asShown(document);
        const { apiVersion, kind: name } = kind;
        for (const item of (document?.['items'] ?? []) as Json[])
          items.push(asShown({ apiVersion, kind: name, ...item }));
      }
      return { apiVersion: 'v1', kind: 'List', items };
    },
  };
}

/** kubectl leaves out who manages which field. */
function asShown(object: Json): Json {
  const { managedFields: _, ...metadata } = object['metadata'] as Json;
  return { ...object, metadata };
}

interface Resource {
  readonly name: string;
  readonly singularName: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
}
