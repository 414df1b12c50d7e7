import { type Peer, tenantNamespace } from '#pkg/api';
import { PeeringError } from '../errors.ts';
import { mayUse } from '../peer-view.ts';
import type { CredentialsAnswer } from '../wire.ts';
import { announcedApi } from './api-address.ts';
import type { ProviderDeps } from './options.ts';
import { provisionTenant, requestToken } from './tenant.ts';

/**
 * What a consumer needs to work with our API server, with a fresh token. Makes or repairs its tenant on the way.
 * @throws PeeringError `NotLent` where this side does not (or no longer) lend to that peer
 */
export async function issueCredentials(
  deps: ProviderDeps,
  peer: Peer,
  signal: AbortSignal,
): Promise<CredentialsAnswer> {
  const { client, options } = deps;
  const consumer = peer.metadata.name;
  if (!mayUse(peer)) {
    const why = `${options.clusterName} does not lend to ${consumer}`;
    throw new PeeringError('NotLent', { attempted: 'issue a credential', where: `Peer ${consumer}`, why });
  }
  const namespace = tenantNamespace(consumer);
  await provisionTenant(client, consumer, signal);
  const [{ token, lifetimeSeconds }, api, version] = await Promise.all([
    requestToken(client, namespace, options.tokenLifetimeSeconds, signal),
    announcedApi(client, options, signal),
    client.version({ signal }),
  ]);
  return {
    nameThere: consumer,
    tenantNamespace: namespace,
    api: { ...api, relay: options.relay ?? true },
    token,
    lifetimeSeconds,
    cluster: {
      name: options.clusterName,
      version: options.version,
      kubernetesVersion: version.gitVersion,
      addresses: [...deps.addresses()],
    },
  };
}
