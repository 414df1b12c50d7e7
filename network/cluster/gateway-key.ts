import { generatePrivateKey, parsePrivateKey, type PublicKey, publicKeyOf } from '#network/wireguard';
import { ANNOTATION, LABEL, NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import { isNotFound, KubeError, type KubeClient, SECRET, type Secret } from '#pkg/kube';

/** Key of the Secret, and name of the file that the gateway reads. */
export const GATEWAY_KEY_FILE = 'private-key';

/** Key of the Secret that holds the next one, while peers are being told of it. No gateway uses it. */
const NEXT_KEY_FILE = 'next-private-key';

const REF = { namespace: SYSTEM_NAMESPACE, name: NAME.gatewayKeySecret };

/** The Secret of the gateway's keys, without the keys. */
export interface GatewayKeys {
  readonly publicKey: PublicKey;
  /** Of the key that will follow. */
  readonly nextPublicKey?: PublicKey;
  /** When the next one was made. */
  readonly nextSince?: Date;
  /** The wish that led to the last rotation, or to the one that is under way. */
  readonly rotatedFor?: string;
  /** For writes that must not overwrite another one's. */
  readonly resourceVersion?: string;
}

/**
 * The gateway's WireGuard keys; the Secret is made where there is none, and one that exists is never overwritten.
 * @throws WireguardError `WireguardKeyInvalid` where the Secret holds something else
 */
export async function ensureGatewayKeys(client: KubeClient, signal: AbortSignal): Promise<GatewayKeys> {
  const found = await client.get<Secret>(SECRET, REF, { signal }).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (found !== undefined) return keysIn(found);
  const fresh: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...REF, labels: { [LABEL.component]: 'gateway' } },
    type: 'Opaque',
    data: { [GATEWAY_KEY_FILE]: newKey() },
  };
  try {
    return keysIn(await client.create<Secret>(SECRET, fresh, { signal }));
  } catch (error) {
    if (!(error instanceof KubeError && error.isAlreadyExists)) throw error;
    return keysIn(await client.get<Secret>(SECRET, REF, { signal }));
  }
}

/** Makes the next key. @param wish what asked for it @throws KubeError also where somebody else has written meanwhile */
export async function prepareNextKey(
  client: KubeClient,
  { resourceVersion }: GatewayKeys,
  { wish, now }: { readonly wish: string; readonly now: Date },
  signal: AbortSignal,
): Promise<GatewayKeys> {
  const annotations = { [ANNOTATION.rotatedFor]: wish, [ANNOTATION.nextKeySince]: now.toISOString() };
  return await patch(
    client,
    { metadata: { resourceVersion, annotations }, data: { [NEXT_KEY_FILE]: newKey() } },
    signal,
  );
}

/** Puts the next key into the place of the current one, which is lost. @throws KubeError as above */
export async function useNextKey(
  client: KubeClient,
  { resourceVersion }: GatewayKeys,
  signal: AbortSignal,
): Promise<GatewayKeys> {
  const { data } = await client.get<Secret>(SECRET, REF, { signal });
  return await patch(
    client,
    {
      metadata: { resourceVersion, annotations: { [ANNOTATION.nextKeySince]: null } },
      data: { [GATEWAY_KEY_FILE]: data?.[NEXT_KEY_FILE], [NEXT_KEY_FILE]: null },
    },
    signal,
  );
}

async function patch(client: KubeClient, body: object, signal: AbortSignal): Promise<GatewayKeys> {
  return keysIn(
    await client.patch<Secret>(SECRET, REF, body, { type: 'merge', fieldManager: 'tombolo-network', signal }),
  );
}

function newKey(): string {
  return Buffer.from(generatePrivateKey().base64()).toString('base64');
}

function keysIn({ data = {}, metadata: { annotations = {}, resourceVersion } }: Secret): GatewayKeys {
  const publicKey = (file: string) => publicKeyOf(parsePrivateKey(Buffer.from(data[file] ?? '', 'base64').toString()));
  const since = annotations[ANNOTATION.nextKeySince];
  const wish = annotations[ANNOTATION.rotatedFor];
  return {
    publicKey: publicKey(GATEWAY_KEY_FILE),
    ...(data[NEXT_KEY_FILE] !== undefined && { nextPublicKey: publicKey(NEXT_KEY_FILE) }),
    ...(since !== undefined && { nextSince: new Date(since) }),
    ...(wish !== undefined && { rotatedFor: wish }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}
