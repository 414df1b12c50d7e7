/** The informer against a real API server that dies, forgets and is cut off. */
import { describe, expect } from 'vitest';
import { type Cluster, CONFIG_MAP } from '#pkg/kube';
import type { BedCluster } from '../testbed/index.ts';
import { until } from '../until.ts';
import { chaos as test, whyNot } from './fixtures.ts';
import { churn, configMap, stored, watchConfigMaps } from './watched.ts';

describe.skipIf(whyNot !== '')(`an informer${whyNot}`, () => {
  test('survives an API server that is killed and started again, with changes before and after', async ({
    bed,
    cluster,
    namespace,
  }) => {
    await using watched = await watchConfigMaps(cluster, namespace);
    await churn(cluster, namespace, 30);
    await bed.stop('apiserver', { kill: true });
    await until('the informer notices', () => watched.errors.length > 0, 60_000);
    await startApi(bed, cluster);
    await churn(cluster, namespace, 30);
    const expected = await stored(cluster, namespace);
    await until('the informer has all of it', () => same(watched.state(), expected), 15_000);
    expect(watched.told()).toEqual(expected);
    // `Gone`: a server that has just started remembers nothing of before, and others have written meanwhile.
    expect(watched.errors.filter((error) => error !== 'Unreachable' && error !== 'Gone')).toEqual([]);
  });

  test('lists again after its version was compacted away, and finds what was deleted meanwhile', async ({
    bed,
    cluster,
    viaProxy,
    proxy,
    namespace,
  }) => {
    for (const name of ['stays', 'goes', 'changes']) {
      await cluster.client.create(CONFIG_MAP, configMap(namespace, name, 'old'));
    }
    await using watched = await watchConfigMaps(viaProxy, namespace);
    proxy.block();
    await cluster.client.delete(CONFIG_MAP, { namespace, name: 'goes' });
    const change = { data: { value: 'new' } };
    await cluster.client.patch(CONFIG_MAP, { namespace, name: 'changes' }, change, { type: 'merge' });
    await cluster.client.create(CONFIG_MAP, configMap(namespace, 'comes', 'new'));
    await bed.compactEtcd(AbortSignal.timeout(30_000));
    // A running API server still remembers the changes; one that has just started does not.
    await bed.stop('apiserver', { kill: true });
    await startApi(bed, cluster);
    expect(watched.state()).toEqual({ changes: 'old', goes: 'old', stays: 'old' });
    proxy.unblock();
    const expected = { changes: 'new', comes: 'new', stays: 'old' };
    await until('the informer has listed again', () => same(watched.state(), expected), 45_000);
    expect(watched.told()).toEqual(expected);
    expect(watched.errors).toContain('Gone');
  });

  test('loses nothing over a network that resets and half-closes connections', async ({
    cluster,
    viaProxy,
    proxy,
    namespace,
  }) => {
    await using watched = await watchConfigMaps(viaProxy, namespace);
    let isWriting = true;
    const written = churnThroughCuts().finally(() => (isWriting = false));
    /** A fast machine writes all before the connections have been cut often enough. */
    async function churnThroughCuts(): Promise<void> {
      for (let round = 0; round < 20 && proxy.connections < 5; round++) await churn(cluster, namespace, 300);
    }
    for (let i = 0; isWriting; i++) {
      await new Promise((done) => setTimeout(done, 300));
      if (i % 2 === 0) proxy.cut();
      else proxy.halfClose();
    }
    await written;
    const expected = await stored(cluster, namespace);
    await until('the informer has all of it', () => same(watched.state(), expected), 45_000);
    expect(watched.told()).toEqual(expected);
    expect(proxy.connections).toBeGreaterThanOrEqual(5);
    expect(watched.errors.filter((error) => error !== 'Unreachable')).toEqual([]);
  });

  test('is back within seconds after a long cut, because other requests get through', async ({
    cluster,
    viaProxy,
    proxy,
    namespace,
  }) => {
    await using watched = await watchConfigMaps(viaProxy, namespace);
    proxy.block();
    await until('it has failed often enough to wait long', () => watched.errors.length >= 5, 90_000);
    await cluster.client.create(CONFIG_MAP, configMap(namespace, 'news', '1'));
    proxy.unblock();
    const startedAt = performance.now();
    await viaProxy.client.version();
    await until('the change has arrived', () => watched.state()['news'] === '1', 30_000);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});

/** One that ended while it started is started again: on a machine of its own an init system would do that. */
async function startApi(bed: BedCluster, cluster: Cluster): Promise<void> {
  await until(
    'the API answers again',
    async () => {
      await bed.start('apiserver');
      return await answers(cluster.client.version());
    },
    120_000,
  );
}

async function answers(request: Promise<unknown>): Promise<boolean> {
  return request.then(
    () => true,
    () => false,
  );
}

function same(a: object, b: object): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
