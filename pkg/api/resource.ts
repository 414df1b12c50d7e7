import type { z } from 'zod';
import { API_VERSION, GROUP, VERSION } from './names.ts';

/** Object metadata as the API server stores it; the same shape that `#pkg/kube` uses. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: {
    apiVersion: string;
    kind: string;
    name: string;
    uid: string;
    controller?: boolean;
    blockOwnerDeletion?: boolean;
  }[];
  creationTimestamp?: string;
  deletionTimestamp?: string;
}

/** One of our objects as stored: `spec` as written, `status` absent until a controller has seen it. */
export interface TomboloObject<Spec, Status> {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
  spec: Spec;
  status?: Status;
}

/** What a CRD is generated from. */
export interface KindDefinition<Spec extends z.ZodType, Status extends z.ZodType> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: Spec;
  readonly status: Status;
  readonly columns: readonly {
    name: string;
    type: 'string' | 'date' | 'integer' | 'boolean';
    jsonPath: string;
    priority?: number;
  }[];
  /** CEL rules on the whole object. */
  readonly validations?: readonly { rule: string; message: string }[];
}

/** Fills in group and version. Structurally a `Resource` of `#pkg/kube`. */
export function defineKind<Spec extends z.ZodType, Status extends z.ZodType>(
  definition: Omit<KindDefinition<Spec, Status>, 'group' | 'version'>,
): KindDefinition<Spec, Status> {
  return { group: GROUP, version: VERSION, ...definition };
}

/** `apiVersion` and `kind` for a new object of that kind. */
export function typeMeta(kind: { kind: string }): { apiVersion: string; kind: string } {
  return { apiVersion: API_VERSION, kind: kind.kind };
}
