import { expect, test } from 'vitest';
import { parsePublicKey } from '#network/wireguard';
import { planTunnelRoutes, tunnelRoutes } from './tunnel-routes.ts';

const ROME = {
  name: 'rome',
  publicKey: parsePublicKey('xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg='),
  endpoints: [],
  nat: { name: 'rome', ranges: ['10.0.0.0/16', '10.1.0.0/20'], announced: [] },
  probeAddress: '10.1.0.2',
};

test('ranges of a peer carry what its path carries; its gateway alone may be sent more', () => {
  const wide = tunnelRoutes([ROME], new Map());
  const narrow = tunnelRoutes([ROME], new Map([['rome', 1_328]]));
  expect(planTunnelRoutes('wg', wide, [])).toEqual([
    'route replace 10.0.0.0/16 dev wg proto 204 metric 51840',
    'route replace 10.1.0.0/20 dev wg proto 204 metric 51840',
    'route replace 10.1.0.2/32 dev wg proto 204 metric 51840',
  ]);
  expect(planTunnelRoutes('wg', narrow, wide)).toEqual([
    'route replace 10.0.0.0/16 dev wg proto 204 metric 51840 mtu 1328',
    'route replace 10.1.0.0/20 dev wg proto 204 metric 51840 mtu 1328',
  ]);
  expect(planTunnelRoutes('wg', narrow, narrow)).toEqual([]);
  expect(planTunnelRoutes('wg', [], narrow)).toEqual([
    'route del 10.0.0.0/16 dev wg',
    'route del 10.1.0.0/20 dev wg',
    'route del 10.1.0.2/32 dev wg',
  ]);
});
