import { type Clock, type Log, silentLog, systemClock } from '#pkg/runtime';
import { createClient } from './client.ts';
import type { KubeClient } from './client-interface.ts';
import type { ClusterConfig } from './config.ts';
import { createInformer } from './informer.ts';
import type { Informer, InformerOptions } from './informer-interface.ts';
import type { KubeMetrics } from './metrics.ts';
import type { KubeObject } from './object.ts';
import type { Resource } from './resource.ts';
import { createTransport } from './transport.ts';
import { watchListMemory } from './watch-list-memory.ts';

/** One API server and everything of ours that talks to it. Nothing is shared with other clusters. */
export interface Cluster extends AsyncDisposable {
  readonly name: string;
  /** As configured: `https://host:port`. */
  readonly server: string;
  readonly client: KubeClient;
  /** Uses this bearer token from the next request on. Open watches and streams stay. */
  setToken(token: string): void;
  /** Builds an informer; it does nothing before its `run`. */
  informer<T extends KubeObject>(resource: Resource<T>, options?: InformerOptions<T>): Informer<T>;
  /** Ends informers, watches, streams and requests. Sockets from `client.connect` stay with their owners. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ConnectOptions {
  /** Default: silent. */
  readonly log?: Log | undefined;
  readonly metrics?: KubeMetrics | undefined;
  /** Default: the system's clock. */
  readonly clock?: Clock | undefined;
  /** For jitter; default `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Tests: objects of informers are frozen, so that a write to one fails where it is made. Default false. */
  readonly freezeObjects?: boolean | undefined;
}

/**
 * Makes the client of a cluster. Opens no connection: the first request does.
 * @throws TypeError where `config.server` is no http(s) URL or `config.auth` contradicts itself
 */
export function connectCluster(config: ClusterConfig, options: ConnectOptions = {}): Cluster {
  const { log = silentLog, metrics, clock = systemClock, random = Math.random } = options;
  const transport = createTransport(config, { clock, metrics });
  const memory = watchListMemory();
  const closing = new AbortController();
  return {
    name: config.name,
    server: config.server,
    client: createClient(transport, clock),
    setToken: (token) => transport.setToken(token),
    informer: (resource, informerOptions) =>
      createInformer(
        {
          clusterName: config.name,
          transport,
          memory,
          clock,
          random,
          log,
          metrics,
          closed: closing.signal,
          freeze: options.freezeObjects === true,
        },
        resource,
        informerOptions,
      ),
    async [Symbol.asyncDispose]() {
      closing.abort(new Error(`the client of cluster ${config.name} was closed`));
      await transport.close();
      metrics?.forget(config.name);
    },
  };
}
