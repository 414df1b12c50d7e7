import { ANNOTATION, GROUP, LABEL } from '#pkg/api';
import type { KubeObject, Pod, Secret } from '#pkg/kube';
import { type RemoteLabels, remoteLabels } from './remote-labels.ts';

/**
 * The Secret in the twin that carries the tokens of one pod. It belongs to the wrapper or the bare pod, so that the
 * provider's garbage collector takes it along also while nobody of ours looks (POD-54).
 */

/** Annotation: when its tokens are made anew, RFC 3339. */
export const RENEW_AT = `${GROUP}/renew-at`;

/** Value of the component label. */
export const TOKEN_COMPONENT = 'token';

/** The object that a token Secret goes with. */
export interface TokenOwner {
  readonly kind: 'Pod' | 'ReplicaSet';
  readonly name: string;
  readonly uid: string;
}

/** Tokens by key, and when to make them anew. */
export interface MintedTokens {
  readonly tokens: ReadonlyMap<string, string>;
  readonly renewAt: Date;
}

/** From the UID alone: it stands in the template before the Secret exists, and is another one for a new pod of the same name. */
export function tokenSecretName(podUid: string): string {
  return `tombolo-token-${podUid}`;
}

/** What a token Secret becomes when it is made or renewed; without its type, which never changes. */
export function tokenSecretFields({ tokens, renewAt }: MintedTokens, owner: TokenOwner) {
  return {
    metadata: { annotations: { [RENEW_AT]: renewAt.toISOString() }, ownerReferences: [ownerReference(owner)] },
    data: Object.fromEntries([...tokens].map(([key, token]) => [key, Buffer.from(token).toString('base64')])),
  };
}

export function tokenSecret(
  local: Pod,
  namespace: string,
  labels: RemoteLabels,
  minted: MintedTokens,
  owner: TokenOwner,
): Secret {
  const { metadata, data } = tokenSecretFields(minted, owner);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: tokenSecretName(local.metadata.uid ?? ''),
      namespace,
      labels: { ...remoteLabels(local, labels), [LABEL.component]: TOKEN_COMPONENT },
      annotations: { ...metadata.annotations, [ANNOTATION.homeName]: local.metadata.name },
      ownerReferences: metadata.ownerReferences,
    },
    type: 'Opaque',
    data,
  };
}

export function ownerReference({ kind, name, uid }: TokenOwner) {
  return { apiVersion: kind === 'Pod' ? 'v1' : 'apps/v1', kind, name, uid };
}

/** Of a token Secret, what is read again: whose it is, and when it is renewed. Its data is never read. */
export function storedTokenSecret({ metadata }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, labels, annotations, ownerReferences } = metadata;
  const podUid = labels?.[LABEL.podUid];
  const kept = [RENEW_AT, ANNOTATION.homeName].flatMap((key) => {
    const value = annotations?.[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(podUid !== undefined && { labels: { [LABEL.podUid]: podUid } }),
      annotations: Object.fromEntries(kept),
      ...(ownerReferences !== undefined && { ownerReferences }),
    },
  };
}

/** Whether it belongs to something that takes it along. */
export function isOwned({ metadata: { ownerReferences = [] } }: KubeObject): boolean {
  return ownerReferences.length > 0;
}

/** In ms since 1970; 0 where it says nothing sensible: it is renewed at once then. */
export function renewAtOf({ metadata: { annotations } }: KubeObject): number {
  const at = Date.parse(annotations?.[RENEW_AT] ?? '');
  return Number.isNaN(at) ? 0 : at;
}
