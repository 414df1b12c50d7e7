import { NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import { type Cluster, enqueueOn, MUTATING_WEBHOOK, SECRET, VALIDATING_WEBHOOK } from '#pkg/kube';
import {
  type Clock,
  createQueue,
  done,
  type Log,
  requeueAfter,
  runReconciler,
  systemClock,
  TaskGroup,
} from '#pkg/runtime';
import { planCaBundle } from './ca-bundle.ts';
import { ensureCertificateSecret } from './certificate-secret.ts';
import type { CertificateSet } from './certificates.ts';

/** What a webhook server needs to answer TLS. */
export interface WebhookCertificates {
  /** Undefined until the Secret has been read or made. */
  current(): Pick<CertificateSet, 'certPem' | 'keyPem'> | undefined;
  /** Told of each new certificate, also of the first. */
  on(handler: () => void): Disposable;
  /** Resolves when the first certificate is there. */
  readonly ready: Promise<void>;
  /** Keeps Secret and CA bundles right until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

export interface WebhookCertificatesOptions {
  readonly home: Cluster;
  readonly log: Log;
  readonly clock?: Clock;
  /** Default `tombolo-system`. */
  readonly namespace?: string;
}

/** How often to see whether a renewal is due. */
const CHECK_MS = 3600_000;
const FIELD_MANAGER = 'tombolo-webhooks';

/**
 * Certificates of the admission webhooks. Runs in every replica: they share one Secret, and each repairs the CA bundle of
 * the webhook configurations `tombolo`, which the chart makes without one. Nothing is restarted for a renewal.
 */
export function webhookCertificates(options: WebhookCertificatesOptions): WebhookCertificates {
  const { home, log, clock = systemClock, namespace = SYSTEM_NAMESPACE } = options;
  const secrets = home.informer(SECRET, { namespace, fieldSelector: `metadata.name=${NAME.webhookCertificates}` });
  const fieldSelector = `metadata.name=${NAME.webhookConfiguration}`;
  const configurations = [
    { resource: MUTATING_WEBHOOK, informer: home.informer(MUTATING_WEBHOOK, { fieldSelector }) },
    { resource: VALIDATING_WEBHOOK, informer: home.informer(VALIDATING_WEBHOOK, { fieldSelector }) },
  ] as const;
  const handlers = new Set<() => void>();
  const ready = Promise.withResolvers<void>();
  let current: CertificateSet | undefined;

  async function reconcile(signal: AbortSignal) {
    const set = await ensureCertificateSecret({ client: home.client, secrets, clock, namespace }, signal);
    if (set === undefined) return done; // another replica wrote it: the informer brings us back
    if (set.certPem !== current?.certPem || set.keyPem !== current.keyPem) {
      current = set;
      ready.resolve();
      for (const handler of handlers) handler();
    }
    current = set;
    for (const { resource, informer } of configurations) {
      const steps = planCaBundle(informer.get(NAME.webhookConfiguration)?.webhooks, set.caCertPem);
      if (steps.length === 0) continue;
      const ref = { name: NAME.webhookConfiguration };
      await home.client.patch(resource, ref, steps, { type: 'json', fieldManager: FIELD_MANAGER, signal });
      log.info({ kind: resource.kind }, 'CA bundle of the webhooks set');
    }
    return requeueAfter(CHECK_MS);
  }

  return {
    current: () => current,
    on(handler) {
      handlers.add(handler);
      return { [Symbol.dispose]: () => void handlers.delete(handler) };
    },
    ready: ready.promise,
    async run(signal) {
      using queue = createQueue({ name: 'webhook-certificates', clock });
      await using group = new TaskGroup(signal);
      const informers = [secrets, ...configurations.map(({ informer }) => informer)];
      for (const informer of informers) {
        informer.onError((error) => log.debug({ error }, 'watch of webhook certificates'));
        group.start('informer', (stop) => informer.run(stop));
      }
      await Promise.all(informers.map((informer) => informer.synced)).catch(() => {}); // aborted: settled below says so
      const key = () => [NAME.webhookCertificates];
      using _secrets = enqueueOn(secrets, queue, key);
      using _mutating = enqueueOn(configurations[0].informer, queue, key);
      using _validating = enqueueOn(configurations[1].informer, queue, key);
      queue.add(NAME.webhookCertificates);
      const reconciler = {
        name: 'webhook-certificates',
        reconcile: (_key: string, stop: AbortSignal) => reconcile(stop),
      };
      group.start('reconcile', (stop) => runReconciler(reconciler, { queue, signal: stop, log }));
      await group.settled;
    },
  };
}
