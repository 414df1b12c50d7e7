import { generatePrivateKey, parsePrivateKey, type PublicKey, publicKeyOf } from '#network/wireguard';
import { LABEL, NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import { isNotFound, KubeError, type KubeClient, SECRET, type Secret } from '#pkg/kube';

/** Key of the Secret, and name of the file that the gateway reads. */
export const GATEWAY_KEY_FILE = 'private-key';

const REF = { namespace: SYSTEM_NAMESPACE, name: NAME.gatewayKeySecret };

/**
 * The public half of the gateway's WireGuard key; the Secret is made where there is none, and one that exists is never
 * overwritten.
 * @throws WireguardError `WireguardKeyInvalid` where the Secret holds something else
 */
export async function ensureGatewayKey(client: KubeClient, signal: AbortSignal): Promise<PublicKey> {
  const found = await client.get<Secret>(SECRET, REF, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (found !== undefined) return publicKeyIn(found);
  const text = generatePrivateKey().base64();
  const fresh: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...REF, labels: { [LABEL.component]: 'gateway' } },
    type: 'Opaque',
    data: { [GATEWAY_KEY_FILE]: Buffer.from(text).toString('base64') },
  };
  try {
    return publicKeyIn(await client.create<Secret>(SECRET, fresh, { signal }));
  } catch (error) {
    if (!(error instanceof KubeError && error.isAlreadyExists)) throw error;
    return publicKeyIn(await client.get<Secret>(SECRET, REF, { signal }));
  }
}

function publicKeyIn(secret: Secret): PublicKey {
  const text = Buffer.from(secret.data?.[GATEWAY_KEY_FILE] ?? '', 'base64').toString();
  return publicKeyOf(parsePrivateKey(text));
}
