import { KubeError, type KubeClient, SECRET, type Secret } from '#pkg/kube';
import { LABEL, NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import { PeeringError } from '../errors.ts';
import { type Identity, identityFromPem, newIdentityPem } from './identity.ts';

const KEY = 'identity.pem';
const REF = { namespace: SYSTEM_NAMESPACE, name: NAME.identitySecret };
const WHERE = `Secret ${SYSTEM_NAMESPACE}/${NAME.identitySecret}, key ${KEY}`;

/**
 * The identity of this cluster from Secret `tombolo-identity`; made if there is none yet. Any number of processes may
 * call it at once: the create that comes first wins, the others read it.
 * @throws PeeringError `IdentityDamaged`; a Secret that exists is never overwritten
 */
export async function loadOrCreateIdentity(client: KubeClient, signal: AbortSignal): Promise<Identity> {
  const found = await readSecret(client, signal);
  if (found !== undefined) return fromSecret(found);
  const fresh = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...REF, labels: { [LABEL.component]: 'identity' } },
    type: 'Opaque',
    data: { [KEY]: Buffer.from(newIdentityPem()).toString('base64') },
  };
  try {
    return fromSecret(await client.create<Secret>(SECRET, fresh, { signal }));
  } catch (error) {
    if (!(error instanceof KubeError && error.isAlreadyExists)) throw error;
    return loadIdentity(client, signal);
  }
}

/**
 * The identity of this cluster, for processes that must not make one (kubelet).
 * @throws PeeringError `NotInstalled` where there is none, `IdentityDamaged`
 */
export async function loadIdentity(client: KubeClient, signal: AbortSignal): Promise<Identity> {
  const found = await readSecret(client, signal);
  if (found === undefined) {
    throw new PeeringError('NotInstalled', {
      attempted: 'read the identity key',
      where: WHERE,
      why: 'it does not exist',
    });
  }
  return fromSecret(found);
}

async function readSecret(client: KubeClient, signal: AbortSignal): Promise<Secret | undefined> {
  try {
    return await client.get<Secret>(SECRET, REF, { signal });
  } catch (error) {
    if (error instanceof KubeError && error.isNotFound) return undefined;
    throw error;
  }
}

function fromSecret(secret: Secret): Identity {
  return identityFromPem(Buffer.from(secret.data?.[KEY] ?? '', 'base64').toString(), WHERE);
}
