import { type Cluster, CONFIG_MAP, type ConfigMap } from '#pkg/kube';
import { type Log, messageOf } from '#pkg/runtime';

/** Where API servers publish the CA of client certificates, for extension servers and for us. */
const SOURCE = { namespace: 'kube-system', name: 'extension-apiserver-authentication', key: 'client-ca-file' } as const;

/** The CA that client certificates of this cluster are signed by. One for all virtual nodes of a process. */
export interface ClientAuthorities {
  /** PEM, one string a certificate; empty while it is not known or where the cluster has none. */
  readonly current: readonly string[];
  on(handler: (pems: readonly string[]) => void): Disposable;
  /** Follows changes until `signal` aborts. While it cannot be read the last one stays. */
  run(signal: AbortSignal): Promise<void>;
}

export function clientAuthorities(home: Cluster, { log }: { log: Log }): ClientAuthorities {
  const handlers = new Set<(pems: readonly string[]) => void>();
  let current: readonly string[] = [];
  let last: string | undefined;
  return {
    get current() {
      return current;
    },
    on(handler) {
      handlers.add(handler);
      return { [Symbol.dispose]: () => void handlers.delete(handler) };
    },
    async run(signal) {
      const informer = home.informer<ConfigMap>(CONFIG_MAP, {
        namespace: SOURCE.namespace,
        fieldSelector: `metadata.name=${SOURCE.name}`,
      });
      informer.onError((error) => log.debug({ error: messageOf(error) }, 'watch of the client CA'));
      informer.on((_, now) => {
        // A ConfigMap that is deleted for a moment must not cut the API server off.
        const text = now?.data?.[SOURCE.key];
        if (text === undefined || text === last) return;
        last = text;
        current = certificatesOf(text);
        for (const handler of handlers) handler(current);
      });
      await informer.run(signal);
    },
  };
}

/** The certificates of a PEM bundle, one string each. */
export function certificatesOf(bundle: string): string[] {
  return bundle.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}
