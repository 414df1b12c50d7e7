import { ANNOTATION, type ApiAccess } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import type { Container, PodSpec, Volume } from './pod-types.ts';
import { type TokenWish, tokenWishes, withoutTokens, withTokensFrom } from './service-account-tokens.ts';
import { tokenSecretName } from './token-secret.ts';
import { isTokenVolume } from './token-volume.ts';

/** Where a pod finds the API that it talks to. */
export interface ApiContext {
  /** What the namespace says for pods that say nothing. Default `home`. */
  readonly apiAccess?: ApiAccess | undefined;
  /** The API of home as pods at the provider see it; undefined where no tunnel leads there. */
  readonly homeApiAddress?: string | undefined;
}

/** Which API a pod talks to. Wrong values never come here: `unsupported` has refused them. */
export function apiAccessOf(local: Pod, namespaceDefault: ApiAccess | undefined): ApiAccess {
  return (local.metadata.annotations?.[ANNOTATION.apiAccess] as ApiAccess | undefined) ?? namespaceDefault ?? 'home';
}

/** The tokens of home that a pod is to have in its remote pod; empty where it has none, or talks to another API. */
export function homeTokens(local: Pod, namespaceDefault: ApiAccess | undefined): TokenWish[] {
  return apiAccessOf(local, namespaceDefault) === 'home' ? tokenWishes(local) : [];
}

/** How the parts of a pod change so that it talks to the right API (POD-51 to POD-56). */
export interface ApiRewrite {
  volumes(volumes: readonly Volume[]): Volume[];
  container(container: Container): Container;
  readonly spec: Pick<PodSpec, 'automountServiceAccountToken' | 'serviceAccountName' | 'hostAliases'>;
}

/** Pure. The provider's own admission never adds a token, except where the pod is to have the provider's. */
export function apiRewrite(local: Pod, { apiAccess, homeApiAddress }: ApiContext): ApiRewrite {
  switch (apiAccessOf(local, apiAccess)) {
    case 'home':
      return homeRewrite(local, homeApiAddress);
    case 'provider':
      return providerRewrite(local);
    case 'none':
      return {
        ...withoutTokenVolume(local),
        volumes: (volumes) => volumes.filter((volume) => !isTokenVolume(volume)).map(withoutTokens),
        spec: { automountServiceAccountToken: false },
      };
  }
}

function homeRewrite(local: Pod, address: string | undefined): ApiRewrite {
  const wishes = tokenWishes(local);
  const secret = tokenSecretName(local.metadata.uid ?? '');
  const isClient = wishes.length > 0 || local.metadata.annotations?.[ANNOTATION.apiAccess] === 'home';
  return {
    volumes: (volumes) => volumes.map((volume) => withTokensFrom(volume, wishes, secret)),
    container: isClient ? withHomeApi : (container) => container,
    spec: {
      automountServiceAccountToken: false,
      ...(isClient && { hostAliases: [...(local.spec?.hostAliases ?? []), homeAlias(address)] }),
    },
  };
}

/** The account is one of the twin, and the provider's admission mounts its token where home mounted ours. */
function providerRewrite(local: Pod): ApiRewrite {
  const serviceAccountName = local.metadata.annotations?.[ANNOTATION.remoteServiceAccount];
  return {
    ...withoutTokenVolume(local),
    spec: {
      automountServiceAccountToken: (local.spec?.volumes ?? []).some(isTokenVolume),
      ...(serviceAccountName !== undefined && { serviceAccountName }),
    },
  };
}

/** Without the volume that the admission at home added, and its mounts. */
function withoutTokenVolume(local: Pod): Pick<ApiRewrite, 'volumes' | 'container'> {
  const gone = new Set((local.spec?.volumes ?? []).filter(isTokenVolume).map(({ name }) => name));
  return {
    volumes: (volumes) => volumes.filter((volume) => !isTokenVolume(volume)),
    container(container) {
      if (!container.volumeMounts?.some(({ name }) => gone.has(name))) return container;
      const { volumeMounts, ...rest } = container;
      const kept = volumeMounts.filter(({ name }) => !gone.has(name));
      return kept.length === 0 ? rest : { ...rest, volumeMounts: kept };
    },
  };
}

/** The name that is in the certificate of every API server, whatever its address. */
const HOST = 'kubernetes.default.svc';
const PORT = '443';

/** Nothing answers there, at once: better than a time-out, and than the provider's own API under the same name. */
const NOWHERE = '127.0.0.1';

function homeAlias(address: string | undefined): NonNullable<PodSpec['hostAliases']>[number] {
  return {
    ip: address ?? NOWHERE,
    hostnames: [HOST, `${HOST}.cluster.local`, 'kubernetes.default', 'kubernetes'],
  };
}

/** All that a kubelet sets for the Service `kubernetes` (pkg/kubelet/envvars); it overwrites none that stands there. */
const HOME_ENV = Object.entries({
  KUBERNETES_SERVICE_HOST: HOST,
  KUBERNETES_SERVICE_PORT: PORT,
  KUBERNETES_SERVICE_PORT_HTTPS: PORT,
  KUBERNETES_PORT: `tcp://${HOST}:${PORT}`,
  KUBERNETES_PORT_443_TCP: `tcp://${HOST}:${PORT}`,
  KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
  KUBERNETES_PORT_443_TCP_PORT: PORT,
  KUBERNETES_PORT_443_TCP_ADDR: HOST,
}).map(([name, value]) => ({ name, value }));

/** First of all variables, so that `$(KUBERNETES_SERVICE_HOST)` in the container's own means ours too. */
function withHomeApi(container: Container): Container {
  const own = new Set((container.env ?? []).map(({ name }) => name));
  return { ...container, env: [...HOME_ENV.filter(({ name }) => !own.has(name)), ...(container.env ?? [])] };
}
