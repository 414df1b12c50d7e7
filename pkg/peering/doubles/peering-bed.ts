import { CONFIG_MAP, type ConfigMap, ENDPOINT_SLICE, type EndpointSlice, keyOf } from '#pkg/kube';
import {
  INVITE,
  type Invite,
  PEER,
  type Peer,
  PEERING_REQUEST,
  type PeeringRequest,
  SYSTEM_NAMESPACE,
  typeMeta,
} from '#pkg/api';
import { silentLog, systemClock } from '#pkg/runtime';
import { knownRequests } from '../approval/known-requests.ts';
import { peeringClient, type PeeringClient } from '../client/peering-client.ts';
import { type Identity, identityFromPem, newIdentityPem } from '../identity/identity.ts';
import { hashOfSecret, newInviteSecret } from '../invite/token.ts';
import { findByFingerprint, type KnownPeers } from '../peer-view.ts';
import { type PeeringServer, servePeering, type ServePeeringOptions } from '../server/serve.ts';
import { memoryClient, type MemoryClient } from './memory-client.ts';

/** A provider on loopback: the real endpoint over a cluster in memory. Dispose it. */
export interface PeeringBed extends AsyncDisposable {
  readonly provider: { identity: Identity; client: MemoryClient; server: PeeringServer; address: string };
  /** A client of the endpoint with that identity; closed with the bed. */
  as(identity: Identity): PeeringClient;
  /** An Invite object, and what its token says. */
  invite(options?: { expiresAt?: Date }): { invite: string; secret: string };
  addPeer(name: string, identity: Identity, peer?: Partial<Pick<Peer, 'spec' | 'status'>>): void;
  /** Tells the endpoint that Peers changed, as an informer would. */
  peersChanged(): void;
}

export const newIdentity = (): Identity => identityFromPem(newIdentityPem(), 'test');

export async function peeringBed(options: ServePeeringOptions = {}): Promise<PeeringBed> {
  const identity = newIdentity();
  const client = memoryClient();
  const ca: ConfigMap = {
    metadata: { namespace: SYSTEM_NAMESPACE, name: 'kube-root-ca.crt' },
    data: { 'ca.crt': 'CA' },
  };
  client.seed(CONFIG_MAP, ca);
  const slice: EndpointSlice = {
    metadata: { namespace: 'default', name: 'kubernetes', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    ports: [{ name: 'https', port: 6443 }],
    endpoints: [{ addresses: ['198.18.0.3'], conditions: { ready: true } }],
  };
  client.seed(ENDPOINT_SLICE, slice);
  const handlers = new Set<() => void>();
  const cache = new Map<string, Peer>();
  const peers: KnownPeers = {
    cached: (fingerprint) => cache.get(fingerprint),
    fresh: (fingerprint, signal) => findByFingerprint(client, fingerprint, signal),
    on(handler) {
      handlers.add(handler);
      return { [Symbol.dispose]: () => void handlers.delete(handler) };
    },
  };
  const requests = () => client.peek<PeeringRequest>(PEERING_REQUEST);
  const deps = {
    client,
    requests: knownRequests({
      list: requests,
      get: (key) => requests().find((request) => keyOf(request) === key),
    }),
    identity,
    options: { clusterName: 'rome', version: '0.1.0' },
    addresses: () => ['198.18.0.3:30443'],
    clock: systemClock,
    log: silentLog,
    peers,
  };
  const server = await servePeering(deps, { port: 0, host: '127.0.0.1', ...options });
  const address = `127.0.0.1:${server.port}`;
  const stack = new AsyncDisposableStack();
  stack.use(server);
  let invites = 0;
  return {
    provider: { identity, client, server, address },
    as: (who) =>
      stack.use(
        peeringClient({ identity: who, fingerprint: identity.fingerprint, addresses: [address], version: '0.1.0' }),
      ),
    invite({ expiresAt = new Date(Date.now() + 3600_000) } = {}) {
      const secret = newInviteSecret();
      const name = `invite-${++invites}`;
      const spec = { secretHash: hashOfSecret(secret), expiresAt: expiresAt.toISOString() };
      const object: Invite = { ...typeMeta(INVITE), metadata: { name, namespace: SYSTEM_NAMESPACE }, spec };
      client.seed(INVITE, object);
      return { invite: name, secret };
    },
    addPeer(name, who, { spec, status } = {}) {
      const peer: Peer = {
        ...typeMeta(PEER),
        metadata: { name },
        spec: { roles: ['Provide'], fingerprint: who.fingerprint, ...spec },
        ...(status === undefined ? {} : { status }),
      };
      client.seed(PEER, peer);
    },
    peersChanged() {
      for (const handler of handlers) handler();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
