import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { byteServer } from './byte-server.ts';
import { connectCluster } from './cluster.ts';
import { kubeMetrics } from './metrics.ts';
import { POD } from './resources.ts';

test('requests are counted by verb and answer, and a cluster that is gone leaves no series', async () => {
  const registry = new Registry();
  const metrics = await kubeMetrics(registry);
  await using server = await byteServer((_, reply, number) =>
    number === 1 ? reply.status(404, 'NotFound', 'no') : reply.socket.destroy(),
  );
  {
    await using cluster = connectCluster({ name: 'rome', server: server.url, auth: {} }, { metrics });
    for (let i = 0; i < 2; i++) await cluster.client.get(POD, { namespace: 'a', name: 'b' }).catch(() => {});
    metrics.watchFailed('rome', 'Pod', 'Gone');
    const text = await registry.metrics();
    expect(text).toContain('tombolo_kube_request_seconds_count{cluster="rome",verb="GET",code="404"} 1');
    expect(text).toContain(
      'tombolo_kube_requests_unanswered_total{cluster="rome",verb="GET",cause="UND_ERR_SOCKET"} 1',
    );
    expect(text).toContain('tombolo_kube_watch_errors_total{cluster="rome",kind="Pod",cause="Gone"} 1');
  }
  expect(await registry.metrics()).not.toContain('rome');
});
