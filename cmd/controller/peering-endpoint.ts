import { contactRecorder, knownPeers, knownRequests, servePeering } from '#pkg/peering';
import type { ControllerContext } from './context.ts';

/** The peering API and the relay, in every replica. Resolves when the signal aborts and the port is closed. */
export async function runPeeringEndpoint(
  context: ControllerContext,
  onListening: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { home, identity, provider, addresses, caches, clock, log, flags } = context;
  const { hostname, port } = new URL(home.server);
  await using _server = await servePeering(
    {
      client: home.client,
      identity,
      options: provider,
      addresses,
      clock,
      log,
      peers: knownPeers(caches.peers, home.client),
      requests: knownRequests(caches.requests),
      onContact: contactRecorder({ client: home.client, clock, log }),
    },
    {
      port: flags.peeringPort,
      // A provider that must not lend its API server's address lends the way through us: one fixed target.
      relay: { target: { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) } },
    },
  );
  onListening();
  await aborted(signal);
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}
