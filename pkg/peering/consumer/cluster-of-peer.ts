import type { ClusterConfig } from '#pkg/kube';
import { openRelay } from '../client/relay.ts';
import type { Identity } from '../identity/identity.ts';
import { RELAY_SERVER_NAME } from '../wire.ts';
import { type PeerCredentials, RELAY_ONLY_SERVER } from './peer-credentials.ts';

/** Peering endpoint and CONNECT together; the API client gives up after 10 s. */
const RELAY_TIMEOUT_MS = 8_000;

export interface ClusterOfPeerOptions {
  /** Asked for each relayed connection, because addresses change while the connection lives. */
  readonly current: () => PeerCredentials;
  readonly identity: () => Promise<Identity>;
  readonly userAgent: string;
}

/** How to connect to the API server of a peer. With the relay, TLS of the API server runs inside the pinned one. */
export function clusterConfigOf(credentials: PeerCredentials, options: ClusterOfPeerOptions): ClusterConfig {
  const { peer, caPem, token, path, server } = credentials;
  const common = { name: peer, caPem, auth: { token }, userAgent: options.userAgent };
  if (path === 'Direct') return { ...common, server };
  return {
    ...common,
    server: RELAY_ONLY_SERVER,
    tlsServerName: RELAY_SERVER_NAME,
    connector: async (_target, signal) => {
      const { addresses, fingerprint } = options.current();
      return openRelay({
        identity: await options.identity(),
        fingerprint,
        addresses,
        timeoutMs: RELAY_TIMEOUT_MS,
        signal,
      });
    },
  };
}

/** Equal for credentials that one connection can serve; tokens and addresses may change under it. */
export function connectionKey({ path, server, caPem, fingerprint, tenantNamespace, origin }: PeerCredentials): string {
  const target = path === 'Direct' ? server : '';
  return JSON.stringify([path, target, caPem, fingerprint, tenantNamespace, origin]);
}
