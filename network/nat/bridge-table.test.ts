import { describe, expect, test } from 'vitest';
import { renderBridgeTable } from './bridge-table.ts';

describe('renderBridgeTable', () => {
  test('lets outer packets in from trusted ports alone', () => {
    const text = renderBridgeTable({ port: 51_840, trustedPorts: ['veth2', 'eth0'] });
    expect(text).toBe(`add table bridge tombolo
delete table bridge tombolo
table bridge tombolo {
	counter refused_overlay {
	}
	chain overlay_port {
		type filter hook prerouting priority -300; policy accept;
		iifname != { "veth2", "eth0" } udp dport 51840 counter name refused_overlay drop
	}
}
`);
  });

  test('trusts no port where none is named', () => {
    const text = renderBridgeTable({ port: 51_840, trustedPorts: [] });
    expect(text).toContain('\t\tudp dport 51840 counter name refused_overlay drop');
  });
});
