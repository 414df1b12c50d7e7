import { GRANT, type Grant, isConditionTrue } from '#pkg/api';
import { KubeError, type KubeClient } from '#pkg/kube';
import { isPeeringError, PeeringError } from '../errors.ts';

/** What one look at the provider's API server showed. */
export interface ApiProbe {
  readonly roundTripMs: number;
  readonly kubernetesVersion: string;
  /** True where the provider has marked a grant of ours: it wants to end the peering. */
  readonly ending: boolean;
}

/**
 * Proves that the API server answers, takes our token and lets us into the tenant namespace.
 * @throws PeeringError `CredentialRefused` (401), `NotLent` (403), `ApiUnreachable`, or what the relay said
 */
export async function probeApi(client: KubeClient, tenantNamespace: string, signal: AbortSignal): Promise<ApiProbe> {
  try {
    const { gitVersion } = await client.version({ signal }); // also warms the connection, so that the next one is timed alone
    const start = performance.now();
    const { items } = await client.list<Grant>(GRANT, { namespace: tenantNamespace }, { signal });
    return {
      roundTripMs: Math.max(1, Math.round(performance.now() - start)),
      kubernetesVersion: gitVersion,
      ending: items.some((grant) => isConditionTrue(grant.status?.conditions, 'Ending')),
    };
  } catch (error) {
    throw probeFailure(error, tenantNamespace);
  }
}

/** `error` of a call to a provider, as a PeeringError that says whose fault it is. */
export function probeFailure(error: unknown, tenantNamespace: string): unknown {
  const relayed = peeringCauseOf(error);
  if (relayed !== undefined) return relayed;
  if (!(error instanceof KubeError)) {
    const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
    if (!timedOut) return error;
    return new PeeringError('ApiUnreachable', {
      attempted: 'reach the API server of the peer',
      where: 'API server',
      why: 'no answer in time',
    });
  }
  const facts = { attempted: 'reach the API server of the peer', where: error.where };
  if (error.isUnauthorized)
    return new PeeringError(
      'CredentialRefused',
      { ...facts, why: 'the credential was refused (401)' },
      { cause: error },
    );
  if (error.isForbidden || error.isNotFound) {
    const why = `our account has no right in ${tenantNamespace} (${error.status})`;
    return new PeeringError('NotLent', { ...facts, why }, { cause: error });
  }
  return new PeeringError('ApiUnreachable', { ...facts, why: error.why }, { cause: error });
}

/** The relay's own sentence is better than "the connection failed" around it. */
function peeringCauseOf(error: unknown): PeeringError | undefined {
  let cause = error;
  for (let depth = 0; depth < 5 && cause instanceof Error; depth++) {
    if (isPeeringError(cause)) return cause;
    cause = cause.cause;
  }
  return undefined;
}
