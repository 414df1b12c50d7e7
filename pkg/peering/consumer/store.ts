import { SYSTEM_NAMESPACE } from '#pkg/api';
import { type KubeClient, SECRET, type Secret } from '#pkg/kube';
import { unlessNotFound } from '../not-found.ts';
import {
  credentialsSecretName,
  type PeerCredentials,
  redeemSecretName,
  secretOfCredentials,
} from './peer-credentials.ts';

const FIELD_MANAGER = 'tombolo-peering';

/** Writes the credentials of a peer; everybody who follows the Secret takes them over. */
export async function writeCredentials(
  client: KubeClient,
  credentials: PeerCredentials,
  signal: AbortSignal,
): Promise<void> {
  await client.apply<Secret>(SECRET, secretOfCredentials(credentials), {
    fieldManager: FIELD_MANAGER,
    force: true,
    signal,
  });
}

export async function readSecret(client: KubeClient, name: string, signal?: AbortSignal): Promise<Secret | undefined> {
  const ref = { namespace: SYSTEM_NAMESPACE, name };
  return client.get<Secret>(SECRET, ref, signal === undefined ? {} : { signal }).catch(unlessNotFound);
}

/** The token of an invite that waits to be redeemed. */
export function tokenOf(secret: Secret): string {
  return Buffer.from(secret.data?.['token'] ?? '', 'base64').toString();
}

export async function deleteRedeemSecret(client: KubeClient, peer: string, signal: AbortSignal): Promise<void> {
  await client
    .delete(SECRET, { namespace: SYSTEM_NAMESPACE, name: redeemSecretName(peer) }, { signal })
    .catch(unlessNotFound);
}

/** Removes everything that this side keeps in Secrets for a peer. */
export async function deletePeerSecrets(client: KubeClient, peer: string, signal: AbortSignal): Promise<void> {
  await deleteRedeemSecret(client, peer, signal);
  await client
    .delete(SECRET, { namespace: SYSTEM_NAMESPACE, name: credentialsSecretName(peer) }, { signal })
    .catch(unlessNotFound);
}
