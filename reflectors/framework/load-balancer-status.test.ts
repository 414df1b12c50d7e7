import { expect, test } from 'vitest';
import type { Service } from '#pkg/kube';
import { homeStatus } from './load-balancer-status.ts';

const bare: Service = { metadata: { name: 'shop', namespace: 'shop' } };
const at = (...ips: string[]): Service => ({
  ...bare,
  status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
});

test.each([
  ['is that of the twin', at(), at('203.0.113.1'), undefined, [{ ip: '203.0.113.1' }]],
  ['follows the twin', at('203.0.113.1'), at('203.0.113.2'), [{ ip: '203.0.113.1' }], [{ ip: '203.0.113.2' }]],
  ['is emptied when the twin is gone', at('203.0.113.1'), undefined, [{ ip: '203.0.113.1' }], []],
  ['needs no write where it is equal', at('203.0.113.1'), at('203.0.113.1'), [{ ip: '203.0.113.1' }], undefined],
  ['needs no write where neither has one', bare, bare, undefined, undefined],
  ['of a controller at home stays', at('192.0.2.1'), at('203.0.113.1'), undefined, undefined],
  ['of a controller at home stays, also over ours', at('192.0.2.1'), undefined, [{ ip: '203.0.113.1' }], undefined],
])('the status at home %s', (_, home, twin, written, expected) => {
  expect(homeStatus(home, twin, written)).toEqual(expected);
});
