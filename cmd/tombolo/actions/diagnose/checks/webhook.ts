import { NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import type { Facts } from '../facts.ts';
import type { Finding, Judgement } from '../finding.ts';

const SERVICE = `${NAME.webhookService}.${SYSTEM_NAMESPACE}.svc`;

/** Whether the API server reaches the webhook, without which no pod of an offloaded namespace is admitted. */
export function judgeWebhook(facts: Facts): Judgement {
  const { webhookConfigurations } = facts;
  const ends = { from: `API server of ${facts.view.cluster.name}`, to: SERVICE, port: 443, protocol: 'TCP' } as const;
  const missing = [
    ...(webhookConfigurations.mutating === undefined ? ['MutatingWebhookConfiguration'] : []),
    ...(webhookConfigurations.validating === undefined ? ['ValidatingWebhookConfiguration'] : []),
  ];
  const gone = missing.map((kind): Finding => {
    const message = `${kind} ${NAME.webhookConfiguration} does not exist, so nobody asks our webhook`;
    return { code: 'WebhookDown', message, ...ends, next: 'run `tombolo install` again: it makes what is missing' };
  });
  const [why, unknown] = silence(facts);
  if (why === undefined || missing.includes('ValidatingWebhookConfiguration')) return { findings: gone, unknown };
  const next = `kubectl -n ${SYSTEM_NAMESPACE} get endpointslices -l kubernetes.io/service-name=${NAME.webhookService}; look whether NetworkPolicies and firewalls let the API server reach these addresses at port 9443 (TCP)`;
  return { findings: [...gone, { code: 'WebhookDown', message: why, ...ends, next }], unknown };
}

/** Why the webhook is not, or soon will not be, asked; and what is not known of it. */
function silence({ webhook, webhookEndpoints }: Facts): [string | undefined, string[]] {
  if (webhook.state === 'silent') return [`the API server gets no answer of the webhook: ${webhook.why}`, []];
  const unknown = webhook.state === 'unknown' ? [`whether the webhook answers: ${webhook.why}`] : [];
  if (webhookEndpoints > 0) return [undefined, unknown];
  // The API server keeps its connections open for minutes, so an answer proves nothing of the next one.
  const kept = webhook.state === 'answers' ? '; only a connection that is open still works' : '';
  return [`no ready pod stands behind the Service of the webhook${kept}`, unknown];
}
