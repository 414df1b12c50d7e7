import type { Pod } from '#pkg/kube';
import type { Volume } from './pod-types.ts';

/** One token that a pod wants, whatever number of its files hold it. */
export interface TokenWish {
  /** Key of the Secret that carries it. */
  readonly key: string;
  /** Undefined: that of the API server itself. */
  readonly audience: string | undefined;
  readonly expirationSeconds: number;
}

/** Different tokens of one pod: each costs a request per renewal. Real pods have one to three. */
export const MAX_TOKENS = 16;

/** What the API server fills in where a source does not say (core/v1 defaults). */
const DEFAULT_SECONDS = 3_600;

/**
 * The tokens that the projected volumes of a pod hold, each with its audience and lifetime (POD-52). The volumes of a pod
 * never change, so the keys do not either. Pure.
 */
export function tokenWishes(local: Pod): TokenWish[] {
  const wishes: TokenWish[] = [];
  for (const { audience, expirationSeconds } of tokenSources(local.spec?.volumes ?? [])) {
    const wish = { audience, expirationSeconds: expirationSeconds ?? DEFAULT_SECONDS };
    if (keyOf(wish, wishes) === undefined) wishes.push({ key: `token-${wishes.length}`, ...wish });
  }
  return wishes;
}

export function projectsToken(volume: Volume): boolean {
  return tokenSources([volume]).length > 0;
}

/** The volume with its tokens from a Secret; everything else of it stays. Pure. */
export function withTokensFrom(volume: Volume, wishes: readonly TokenWish[], secretName: string): Volume {
  return mapTokenSources(volume, (source) => {
    const { audience, expirationSeconds = DEFAULT_SECONDS, path } = source;
    const key = keyOf({ audience, expirationSeconds }, wishes) ?? '';
    return [{ secret: { name: secretName, items: [{ key, path }] } }];
  });
}

/** The volume without its tokens; everything else of it stays. Pure. */
export function withoutTokens(volume: Volume): Volume {
  return mapTokenSources(volume, () => []);
}

type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
type TokenSource = NonNullable<Projection['serviceAccountToken']>;

function tokenSources(volumes: readonly Volume[]): TokenSource[] {
  return volumes.flatMap(({ projected }) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }) => serviceAccountToken ?? []),
  );
}

function mapTokenSources(volume: Volume, replace: (source: TokenSource) => Projection[]): Volume {
  if (!projectsToken(volume)) return volume;
  const sources = (volume.projected?.sources ?? []).flatMap((source) =>
    source.serviceAccountToken === undefined ? [source] : replace(source.serviceAccountToken),
  );
  return { ...volume, projected: { ...volume.projected, sources } };
}

function keyOf(wish: Omit<TokenWish, 'key'>, wishes: readonly TokenWish[]): string | undefined {
  return wishes.find(
    ({ audience, expirationSeconds }) => audience === wish.audience && expirationSeconds === wish.expirationSeconds,
  )?.key;
}
