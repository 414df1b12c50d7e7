import { GROUP } from '#pkg/api';
import type { ObjectMeta } from '#pkg/kube';

/** Labels and annotations that a twin object gets; everything else of the metadata stays at home (REF-30). */
export interface CopiedMetadata {
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
}

export interface MetadataRules {
  /**
   * Services and NetworkPolicies select pods, so a pod keeps the recommended labels `app.kubernetes.io/instance` and
   * `…/managed-by`; on every other kind these are what Argo CD and Helm recognise their objects by.
   */
  readonly isPod?: boolean;
  /** Prefixes of keys that a ReflectionPolicy forbids. Default none. */
  readonly denyPrefixes?: readonly string[];
}

/**
 * Domains of keys by which a GitOps tool recognises what it manages. A copy that carries them would be adopted, or
 * pruned, by the same tool at the provider. Subdomains count.
 */
const TRACKING_DOMAINS = [
  'argoproj.io', // Argo CD: argocd.argoproj.io/{instance,tracking-id,sync-wave,hook,…}
  'fluxcd.io', // Flux: {kustomize,helm,source}.toolkit.fluxcd.io/…
  'helm.sh', // Helm: meta.helm.sh/release-{name,namespace}, helm.sh/{chart,hook,resource-policy}
  'cattle.io', // Rancher Fleet: objectset.rio.cattle.io/…, fleet.cattle.io/…
  'k14s.io', // kapp: kapp.k14s.io/…
] as const;

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const INSTANCE = 'app.kubernetes.io/instance';
const MANAGED_BY = 'app.kubernetes.io/managed-by';

/** Labels and annotations of `metadata` that may be copied. Pure; hostile keys such as `__proto__` survive (T16). */
export function stripMetadata(
  metadata: Pick<ObjectMeta, 'labels' | 'annotations'>,
  rules: MetadataRules = {},
): CopiedMetadata {
  const keep = ([key]: [string, string]) => isCopied(key, rules);
  return {
    labels: Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(keep)),
    annotations: Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(keep)),
  };
}

/** Whether a label or annotation of that key travels to the twin. Keys of Tombolo itself never do. */
export function isCopied(key: string, { isPod = false, denyPrefixes = [] }: MetadataRules): boolean {
  if (key === LAST_APPLIED || isOurs(key)) return false;
  if (!isPod && (key === INSTANCE || key === MANAGED_BY)) return false;
  const domain = key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
  if (TRACKING_DOMAINS.some((tracking) => domain === tracking || domain.endsWith(`.${tracking}`))) return false;
  return !denyPrefixes.some((prefix) => key.startsWith(prefix));
}

/** Keys that Tombolo gives a meaning: `tombolo.io/…`. */
export function isOurs(key: string): boolean {
  return key.startsWith(`${GROUP}/`);
}
