import type { Duplex } from 'node:stream';
import type { ClusterAuth } from './credentials.ts';

/**
 * Opens the byte stream on which TLS to the API server is then spoken: a relay, a proxy. The stream is ours to
 * destroy; `signal` aborts the attempt, not the stream.
 */
export type Connector = (target: { host: string; port: number }, signal: AbortSignal) => Promise<Duplex>;

/** All that is needed to talk to one API server. Nothing in it is read from the environment later. */
export interface ClusterConfig {
  /** For logs, metrics and messages. */
  readonly name: string;
  /** `https://host:port`, with a path prefix where a gateway serves several clusters. */
  readonly server: string;
  /** Authorities that may sign the server's certificate; without it those of the system. */
  readonly caPem?: string;
  /** Name that the certificate must carry, where it differs from the host in `server`. */
  readonly tlsServerName?: string;
  /** Only what a user's kubeconfig says; callers that talk to peers refuse it. Default false. */
  readonly insecureSkipTlsVerify?: boolean;
  readonly auth: ClusterAuth;
  /** Default: TCP to host and port of `server`. */
  readonly connector?: Connector;
  /**
   * Connections for requests, default 12: enough for a burst, few enough that one process with 200 peers stays below
   * 3,000 sockets. Watches and logs have connections of their own, as many as needed.
   */
  readonly requestConnections?: number;
  /** Asks for gzip (lists above 128 kB): for wide links; inside a data centre it costs more than it saves. Default false. */
  readonly compression?: boolean;
  /** Default `tombolo`. */
  readonly userAgent?: string;
}
