import { isIPv6 } from 'node:net';
import { NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import { ENDPOINT_SLICE, type EndpointSlice, type KubeClient } from '#pkg/kube';

const FIELD_MANAGER = 'tombolo-gateway';

/**
 * Points the Service of the gateway, which selects no pods, at the replica that forwards: peers that dial must not reach
 * one that stands by.
 */
export async function pointService(
  client: KubeClient,
  podAddress: string,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  const slice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: NAME.gatewayService,
      namespace: SYSTEM_NAMESPACE,
      labels: {
        'kubernetes.io/service-name': NAME.gatewayService,
        'endpointslice.kubernetes.io/managed-by': 'gateway.tombolo.io',
      },
    },
    addressType: isIPv6(podAddress) ? 'IPv6' : 'IPv4',
    endpoints: [{ addresses: [podAddress], conditions: { ready: true } }],
    ports: [{ name: 'wireguard', port, protocol: 'UDP' }],
  };
  await client.apply(ENDPOINT_SLICE, slice, { fieldManager: FIELD_MANAGER, force: true, signal });
}
