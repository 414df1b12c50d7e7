import { type Informer, isNotFound, type Namespace, NODE } from '#pkg/kube';
import { denyVirtualNodeName } from '#pkg/node';
import { type AdmissionHandler, admissionHandlers, serveAdmission, webhookCertificates } from '#pkg/offloading';
import type { QuotaRequest, QuotaVerdict } from '#pkg/quota';
import { TaskGroup } from '#pkg/runtime';
import type { ControllerContext } from './context.ts';
import { aborted } from './peering-endpoint.ts';

/** What the leader decides on pods in twins; undefined in a replica that does not lead. */
export interface QuotaDecision {
  current: ((request: QuotaRequest) => QuotaVerdict) | undefined;
}

const NOT_LEADING: QuotaVerdict = {
  allowed: false,
  message: 'NotCounting: this replica of tombolo does not lead; the API server will reach the leader in a moment',
};

/** Admission in every replica; the quota on a port of its own, whose Service selects the leader. */
export async function runWebhooks(
  context: ControllerContext,
  quota: QuotaDecision,
  onListening: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { home, caches, flags, log, clock } = context;
  await using group = new TaskGroup(signal);
  const certificates = webhookCertificates({ home, log, clock, namespace: flags.systemNamespace });
  group.start('webhook certificates', (inner) => certificates.run(inner));
  await Promise.race([certificates.ready, group.settled]);
  if (group.signal.aborted) return await group.settled;

  const handlers = admissionHandlers({
    namespaces: caches.namespaces as Informer<Namespace>,
    offloadings: caches.offloadings,
    client: home.client,
    async denyVirtualNode(virtualNode, inner) {
      const node = await home.client
        .get(NODE, { name: virtualNode.metadata.name }, { signal: inner })
        .catch((error: unknown) => {
          if (isNotFound(error)) return undefined;
          throw error;
        });
      return denyVirtualNodeName(virtualNode, node);
    },
  });
  const quotaHandlers: Record<string, AdmissionHandler> = {
    '/validate/quota': (request) => {
      const verdict = (quota.current ?? (() => NOT_LEADING))(request);
      return verdict.allowed ? { allowed: true } : { allowed: false, status: { code: 403, message: verdict.message } };
    },
  };
  await using _admission = await serveAdmission({ port: flags.webhookPort, handlers, certificates, log });
  await using _quota = await serveAdmission({ port: flags.quotaPort, handlers: quotaHandlers, certificates, log });
  onListening();
  await Promise.race([aborted(group.signal), group.settled]);
}
