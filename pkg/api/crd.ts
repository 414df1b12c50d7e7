import type { z } from 'zod';
import { type CrdSchema, crdSchema } from './crd-schema.ts';
import type { KindDefinition } from './resource.ts';

/** An apiextensions.k8s.io/v1 CustomResourceDefinition, as far as we write it. */
export interface CustomResourceDefinition {
  apiVersion: 'apiextensions.k8s.io/v1';
  kind: 'CustomResourceDefinition';
  metadata: { name: string; labels: Record<string, string> };
  spec: Record<string, unknown>;
}

/**
 * The CRD of a kind: one served and stored version, status subresource, printer columns and CEL rules.
 * Pure: equal definitions give equal documents, so the committed YAML can be compared.
 */
export function crdOf(kind: KindDefinition<z.ZodType, z.ZodType>): CustomResourceDefinition {
  const lower = kind.kind.toLowerCase();
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${kind.plural}.${kind.group}`,
      labels: { 'app.kubernetes.io/name': 'tombolo', 'app.kubernetes.io/part-of': 'tombolo' },
    },
    spec: {
      group: kind.group,
      scope: kind.namespaced ? 'Namespaced' : 'Cluster',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: lower,
        ...(kind.shortNames.length > 0 && { shortNames: [...kind.shortNames] }),
        categories: ['tombolo'],
      },
      versions: [
        {
          name: kind.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: kind.columns.map((column) => ({ ...column })),
          schema: { openAPIV3Schema: rootSchema(kind) },
        },
      ],
    },
  };
}

function rootSchema(kind: KindDefinition<z.ZodType, z.ZodType>): CrdSchema {
  const spec = crdSchema(kind.spec);
  const isSpecNeeded = ((spec['required'] as string[] | undefined) ?? []).length > 0;
  return {
    type: 'object',
    description: kind.description,
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      // Without required fields the server fills in `{}`, so that readers may rely on `spec`.
      spec: isSpecNeeded ? spec : { ...spec, default: {} },
      status: crdSchema(kind.status),
    },
    ...(isSpecNeeded && { required: ['spec'] }),
    ...(kind.validations !== undefined && {
      'x-kubernetes-validations': kind.validations.map((rule) => ({ ...rule })),
    }),
  };
}
