import type { TestCluster } from '../e2e/bed.ts';

/** One series of `apiserver_request_total`. */
interface Series {
  readonly verb: string;
  readonly resource: string;
  readonly subresource: string;
  readonly count: number;
}

/** What is not part of a pod's cost: long reads, and what nodes and leaders do in any case. */
const IGNORED_VERBS = new Set(['WATCH', 'LIST', 'WATCHLIST', 'CONNECT']);
const IGNORED_RESOURCES = new Set(['leases', 'nodes', '']);

/** Parses the text format; only the labels that matter here. */
export function parseRequestTotal(text: string): Series[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('apiserver_request_total{')) return [];
    const label = (name: string) => new RegExp(`[{,]${name}="([^"]*)"`).exec(line)?.[1] ?? '';
    return [
      {
        verb: label('verb'),
        resource: label('resource'),
        subresource: label('subresource'),
        count: Number(line.slice(line.lastIndexOf(' '))),
      },
    ];
  });
}

/** Requests since the API server's start that count for pods, by `VERB resource/subresource`. */
export async function requestCounts(cluster: TestCluster): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { verb, resource, subresource, count } of parseRequestTotal(await cluster.kubectl('get --raw /metrics'))) {
    if (IGNORED_VERBS.has(verb) || IGNORED_RESOURCES.has(resource)) continue;
    const key = `${verb} ${resource}${subresource === '' ? '' : `/${subresource}`}`;
    counts.set(key, (counts.get(key) ?? 0) + count);
  }
  return counts;
}

/** What came since `before`, by key. */
export function difference(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Map<string, number> {
  return new Map(
    [...after].map(([key, count]) => [key, count - (before.get(key) ?? 0)] as const).filter(([, count]) => count > 0),
  );
}

export function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
