import { expect, test } from 'vitest';
import { renderGatewayTable } from '#network/nat';
import { manyPeers, octets, planFor } from './many-peers.ts';

test.each([1, 2, 10, 200])(
  'NET-20 %i peers share one interface and one UDP port, each with its own ranges',
  (count) => {
    const plan = planFor(manyPeers(count));
    expect(plan.tunnel.listenPort).toBe(51_820);
    expect(plan.tunnel.peers.map(({ allowedIps, endpoint }) => `${endpoint} ${allowedIps.join()}`)).toEqual(
      Array.from({ length: count }, (_, index) => `198.18.${octets(index)}:51820 10.${index}.0.0/16`),
    );
    // And each gateway by itself, for probes of the path.
    const ranges = plan.tunnel.peers.flatMap(({ allowedIps }) => allowedIps);
    expect(plan.tunnelRoutes.map(({ destination }) => destination).filter((range) => !range.endsWith('/32'))).toEqual(
      ranges,
    );
    // The rules know one tunnel device too, whatever the number of peers.
    const devices = renderGatewayTable(plan.nat).matchAll(/[io]ifname (?:!= )?"([^"]+)"/g);
    expect(new Set([...devices].map(([, name]) => name))).toEqual(new Set(['tombolo-wg', 'tombolo-vx']));
  },
);
