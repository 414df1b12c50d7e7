import type { KubeObject, Resource } from '#pkg/kube';

/** What a local object becomes in its twin namespace. */
export interface TwinFields {
  /** Top-level fields besides metadata: `data`, `type`, `spec`, …. Those with the value undefined are left out. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Labels of ours besides the origin. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Labels or annotations of the local object that this kind leaves at home, besides those that every kind does: prefixes of keys. */
  readonly dropKeys?: readonly string[];
  /**
   * What the API keeps in an object that stands, whatever is applied to it: a twin of another shape is replaced (REF-29).
   * Only for what the API server does not itself refuse as immutable. Short; it stands in an annotation.
   */
  readonly shape?: string;
  /**
   * Written instead of `fields` where the API server refuses those as invalid: so that a part that the provider cannot
   * give (a port that is taken) does not keep the rest away. The refusal is told, and `fields` are tried again.
   */
  readonly fallback?: Readonly<Record<string, unknown>>;
}

/** Whose verdict an object of one kind shares: a slice that of its Service (REF-47). */
export interface OwnerRule<T extends KubeObject = KubeObject> {
  /** One of the reflected kinds. */
  readonly resource: Resource;
  /** Name of the owner in the same namespace; undefined: it has none, and is not copied. */
  nameOf(local: T): string | undefined;
}

/** Kinds whose `status.loadBalancer.ingress` comes back from the twin. */
export interface LoadBalancerRule<T extends KubeObject = KubeObject> {
  /** Twins that can have such a status at all. */
  readonly fieldSelector?: string;
  /** Whether the local object is to have what its twin has. */
  isReported(local: T): boolean;
}

/** One reflected kind. All functions are pure; names, ownership, labels, drift and conflicts are the framework's. */
export interface ReflectorDefinition<T extends KubeObject> {
  readonly resource: Resource<T>;
  /** Objects that are not even read at home; for what never travels and is large. */
  readonly fieldSelector?: string;
  /** Name of the object in the twin. Default: the same. */
  readonly twinName?: (name: string) => string;
  /** Default: each object is judged by itself. */
  readonly owner?: OwnerRule<T>;
  /** Objects that are copied whatever policies say, since remote pods cannot start without them. Default: none. */
  readonly isNeeded?: (local: T) => boolean;
  /** Default: no status comes back. */
  readonly loadBalancer?: LoadBalancerRule<T>;
  /** `handler` runs after answers of `toTwin` may have changed although no object did. Default: they never do. */
  readonly onChange?: (handler: () => void) => Disposable;
  /** Undefined: this object is never copied, whatever policies say. */
  readonly toTwin: (local: T) => TwinFields | undefined;
}

/** A reflector of some kind, as the framework runs it. */
export interface Reflector {
  readonly resource: Resource;
  readonly fieldSelector?: string;
  readonly owner?: OwnerRule;
  readonly loadBalancer?: LoadBalancerRule;
  twinName(name: string): string;
  isNeeded(local: KubeObject): boolean;
  onChange(handler: () => void): Disposable;
  toTwin(local: KubeObject): TwinFields | undefined;
}

/** Declares a kind. The folder of the kind exports the result; nothing else is needed for it to be reflected. */
export function defineReflector<T extends KubeObject>(definition: ReflectorDefinition<T>): Reflector {
  const { resource, fieldSelector, owner, loadBalancer, isNeeded, toTwin } = definition;
  const { twinName = (name: string) => name, onChange = () => ({ [Symbol.dispose]() {} }) } = definition;
  return {
    resource: resource as Resource,
    ...(fieldSelector !== undefined && { fieldSelector }),
    ...(owner !== undefined && {
      owner: { resource: owner.resource, nameOf: (local: KubeObject) => owner.nameOf(local as T) },
    }),
    ...(loadBalancer !== undefined && {
      loadBalancer: {
        ...(loadBalancer.fieldSelector !== undefined && { fieldSelector: loadBalancer.fieldSelector }),
        isReported: (local: KubeObject) => loadBalancer.isReported(local as T),
      },
    }),
    twinName,
    isNeeded: (local) => isNeeded?.(local as T) ?? false,
    onChange,
    // The framework hands in objects of that resource only.
    toTwin: (local) => toTwin(local as T),
  };
}

/** Fields of an object by name, without those that it does not have. */
export function pick<T extends object, K extends keyof T>(object: T, ...keys: K[]): Partial<Pick<T, K>> {
  const picked: Partial<Pick<T, K>> = {};
  for (const key of keys) if (object[key] !== undefined) picked[key] = object[key];
  return picked;
}
