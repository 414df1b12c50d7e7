import type { AgentState, GatewayState } from './state.ts';

/** A gateway whose peers see it under colliding numbers, with every part of the state in use. */
export const EXAMPLE_GATEWAY: GatewayState = {
  tunnelDevice: 'tombolo-wg',
  overlay: { device: 'tombolo-vx', port: 51_840, senders: ['192.168.7.11', '192.168.7.12', 'fd07::11'] },
  ownRanges: ['10.244.0.0/16', '10.200.0.0/20', 'fd00:244::/56'],
  peers: [
    {
      name: 'rome',
      ranges: ['10.61.0.0/16', 'fd00:61::/56'],
      announced: [
        { original: '10.244.0.0/16', alias: '10.71.0.0/16' },
        { original: '10.200.0.0/20', alias: '10.200.0.0/20' },
        { original: '10.62.0.0/16', alias: '10.63.0.0/16' },
        { original: 'fd00:244::/56', alias: 'fd00:71::/56' },
      ],
      homeApiAddress: '10.200.0.1',
      isIsolated: true,
    },
    {
      name: '2-turin.eu',
      ranges: ['10.62.0.0/16'],
      announced: [
        { original: '10.244.0.0/16', alias: '10.61.0.0/16' },
        { original: '10.61.0.0/16', alias: '10.62.0.0/16' },
      ],
    },
  ],
  transit: [['rome', '2-turin.eu']],
  transitGroups: 2,
  homeApi: { target: '10.96.0.1', port: 443 },
  probePort: 51_841,
  tunnelPort: 51_820,
};

/** A node with a peer in each family. */
export const EXAMPLE_AGENT: AgentState = {
  overlay: { device: 'tombolo-vx', port: 51_840, gateways: ['10.244.1.9', '10.244.2.9'], reversePath: 'strict' },
  podRanges: ['10.244.0.0/16', 'fd00:244::/56'],
  peerRanges: ['10.61.0.0/16', '10.62.0.0/16', 'fd00:61::/56'],
  anchors: ['10.200.0.11', 'fd00:200::11'],
  published: [
    { protocol: 'tcp', port: 8443 },
    { protocol: 'tcp', port: 80 },
    { protocol: 'udp', port: 53 },
  ],
};
