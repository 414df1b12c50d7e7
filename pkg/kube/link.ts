import { Agent } from 'undici';
import type { ClusterConfig } from './config.ts';
import type { ClientCertificate } from './credentials.ts';
import { createDialer, type Dialer } from './dialer.ts';

/** Shorter than the idle time-out of API servers (90 s and more), so that it is us who close idle connections. */
const KEEP_ALIVE_MS = 30_000;
/** Enough for a burst, few enough that one process with 200 peers stays below 3,000 sockets. */
const DEFAULT_REQUEST_CONNECTIONS = 12;

/**
 * The connections to one API server under one client certificate. Two Agents, because a watch holds its connection:
 * with one pool of four, four watches are enough that no request ever runs.
 */
export interface Link {
  readonly dialer: Dialer;
  /** Bounded number of connections. */
  readonly requests: Agent;
  /** One connection for each open answer. */
  readonly watches: Agent;
  readonly clientCert: ClientCertificate | undefined;
}

export function openLink(config: ClusterConfig, clientCert: ClientCertificate | undefined): Link {
  const dialer = createDialer(config, clientCert);
  const common = {
    allowH2: false,
    connect: dialer.connector,
    keepAliveTimeout: KEEP_ALIVE_MS,
    pipelining: 1,
    // Deadlines are per request, see transport.ts.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  return {
    dialer,
    clientCert,
    requests: new Agent({ ...common, connections: config.requestConnections ?? DEFAULT_REQUEST_CONNECTIONS }),
    watches: new Agent({ ...common, connections: null }),
  };
}

/** Ends everything at once; answers under way fail. */
export async function closeLink(link: Link): Promise<void> {
  link.dialer[Symbol.dispose]();
  await Promise.all([link.requests.destroy(), link.watches.destroy()]);
}

/**
 * Takes a link out of use after a change of certificate: requests under way finish, watches end at once and are
 * resumed by their informers from where they were.
 */
export async function retireLink(link: Link): Promise<void> {
  await Promise.all([link.requests.close(), link.watches.destroy()]);
}
