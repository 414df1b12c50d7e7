import { createHash } from 'node:crypto';
import { ANNOTATION, GROUP, LABEL } from '#pkg/api';
import { apiVersionOf, type KubeObject } from '#pkg/kube';
import { stripMetadata } from './metadata.ts';
import type { Reflector } from './reflector.ts';

/** Annotation of a twin object: {@link fingerprint} of what was applied, so that a restart of ours need not apply it again. */
export const FINGERPRINT = `${GROUP}/fingerprint`;

/** Annotation of a twin object: {@link shape} of what was applied. */
const SHAPE = `${GROUP}/shape`;

/** A twin object as it should be: exactly the fields that are ours. */
export type TwinObject = KubeObject & {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    name: string;
    namespace: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
  };
};

/**
 * The twin of `local`, or undefined where its kind never copies it. Of the metadata only labels and annotations that may
 * travel are in it (REF-30). Pure.
 */
export function twinObject(
  reflector: Reflector,
  local: KubeObject,
  options: {
    readonly origin: string;
    readonly namespace: string;
    readonly denyPrefixes: readonly string[];
    /** What to write where the object itself was refused; undefined then where its kind knows nothing else. */
    readonly isFallback?: boolean;
  },
): TwinObject | undefined {
  const twin = reflector.toTwin(local);
  const fields = options.isFallback ? twin?.fallback : twin?.fields;
  if (twin === undefined || fields === undefined) return undefined;
  const { labels, annotations } = stripMetadata(local.metadata, {
    denyPrefixes: [...options.denyPrefixes, ...(twin.dropKeys ?? [])],
  });
  const name = reflector.twinName(local.metadata.name);
  const object = {
    apiVersion: apiVersionOf(reflector.resource),
    kind: reflector.resource.kind,
    metadata: {
      name,
      namespace: options.namespace,
      labels: { ...labels, ...twin.labels, [LABEL.origin]: options.origin },
      annotations: {
        ...annotations,
        ...(name !== local.metadata.name && { [ANNOTATION.homeName]: local.metadata.name }),
        ...(twin.shape !== undefined && { [SHAPE]: twin.shape }),
      } as Record<string, string>,
    },
    ...fields,
  };
  object.metadata.annotations[FINGERPRINT] = fingerprintOf(object);
  return object;
}

/** Name at home of the object that a twin object was made from. */
export function homeNameOf(twin: KubeObject): string {
  return twin.metadata.annotations?.[ANNOTATION.homeName] ?? twin.metadata.name;
}

/** Equal contents, equal text. */
export function fingerprint(object: KubeObject): string {
  return object.metadata.annotations?.[FINGERPRINT] ?? '';
}

/** See `TwinFields`; empty where its kind has none. */
export function shape(object: KubeObject): string {
  return object.metadata.annotations?.[SHAPE] ?? '';
}

/** Order of keys counts, which the API server keeps. */
function fingerprintOf(content: object): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url');
}
