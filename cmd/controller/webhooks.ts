import { keepHidden } from '#pkg/affinity';
import { isNotFound, NODE } from '#pkg/kube';
import { denyVirtualNodeName } from '#pkg/node';
import { type AdmissionHandler, admissionHandlers, serveAdmission } from '#pkg/offloading';
import type { QuotaRequest, QuotaVerdict } from '#pkg/quota';
import type { ControllerContext } from './context.ts';
import { aborted } from './peering-endpoint.ts';

/** Admission of pods, DaemonSets and our own objects, in every replica. */
export async function runAdmission(
  context: ControllerContext,
  onListening: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { home, caches, flags, certificates, log } = context;
  const handlers = admissionHandlers({
    namespaces: caches.namespaces,
    offloadings: caches.offloadings,
    client: home.client,
    async denyVirtualNode(virtualNode, inner) {
      const ref = { name: virtualNode.metadata.name };
      const node = await home.client.get(NODE, ref, { signal: inner }).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      return denyVirtualNodeName(virtualNode, node);
    },
  });
  await Promise.race([certificates.ready, aborted(signal)]);
  if (signal.aborted) return;
  await using _server = await serveAdmission({ port: flags.webhookPort, handlers, certificates, log });
  onListening();
  await aborted(signal);
}

/**
 * The quota, in the leader alone and only while it leads: a port that closes takes the API server's idle connections
 * with it, so that its next question reaches the new leader instead of one that no longer counts.
 */
export async function runQuota(
  { flags, certificates, log }: ControllerContext,
  decide: (request: QuotaRequest) => QuotaVerdict,
  signal: AbortSignal,
): Promise<void> {
  const handler: AdmissionHandler = (request) => {
    const verdict = decide(request);
    return verdict.allowed ? { allowed: true } : { allowed: false, status: { code: 403, message: verdict.message } };
  };
  // Here and not in every replica: what hides slices is worth nothing while nobody keeps those that stand for them.
  const handlers = { '/validate/quota': handler, '/mutate/endpointslices': keepHidden };
  await Promise.race([certificates.ready, aborted(signal)]);
  if (signal.aborted) return;
  await using _server = await serveAdmission({ port: flags.quotaPort, handlers, certificates, log });
  await aborted(signal);
}
