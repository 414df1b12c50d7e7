import type { JsonPatchStep } from '../admission/review.ts';

interface Webhook {
  readonly name: string;
  readonly clientConfig: { readonly caBundle?: string };
}

/**
 * Steps that give every webhook of a configuration that CA; empty where all have it. A `test` per webhook, so that a
 * configuration which changed meanwhile is not patched in the wrong place.
 */
export function planCaBundle(webhooks: readonly Webhook[] | undefined, caCertPem: string): JsonPatchStep[] {
  const caBundle = Buffer.from(caCertPem, 'utf8').toString('base64');
  return (webhooks ?? []).flatMap((webhook, index) =>
    webhook.clientConfig.caBundle === caBundle
      ? []
      : [
          { op: 'test', path: `/webhooks/${index}/name`, value: webhook.name } as const,
          { op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle } as const,
        ],
  );
}
