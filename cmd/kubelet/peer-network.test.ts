import { describe, expect, test } from 'vitest';
import type { Condition, Peer } from '#pkg/api';
import type { InformerHandler } from '#pkg/kube';
import { peerNetwork } from './peer-network.ts';

interface Facts {
  readonly alias?: string;
  readonly mode?: 'None';
  readonly ready?: Pick<Condition, 'status' | 'reason'>;
}

/** A cache of one Peer that tests change. */
function bed() {
  let current: Peer | undefined;
  const handlers = new Set<InformerHandler<Peer>>();
  const network = peerNetwork(
    {
      get: (name) => (name === 'rome' ? current : undefined),
      on(handler) {
        handlers.add(handler);
        return { [Symbol.dispose]: () => void handlers.delete(handler) };
      },
    },
    'rome',
  );
  return {
    network,
    set({ alias, mode, ready }: Facts) {
      const old = current;
      current = {
        metadata: { name: 'rome' },
        spec: { roles: ['Consume'] },
        status: {
          ...(mode !== undefined && { network: { mode } }),
          ...(alias !== undefined && { network: { aliases: [{ original: '10.244.0.0/16', alias }] } }),
          conditions: ready ? [{ type: 'NetworkReady', message: '', lastTransitionTime: '', ...ready }] : [],
        },
      } as Peer;
      for (const handler of handlers) handler(old, current, false);
    },
  };
}

describe('the network of a peer', () => {
  test('an address is translated by the aliases of the moment, and empty where its range is unknown', () => {
    const { network, set } = bed();
    expect(network.translate('10.244.3.7')).toBeUndefined();
    set({ alias: '10.71.0.0/16' });
    expect(network.translate('10.244.3.7')).toBe('10.71.3.7');
    expect(network.translate('10.245.3.7')).toBeUndefined();
    set({ alias: '10.72.0.0/16' });
    expect(network.translate('10.244.3.7')).toBe('10.72.3.7');
    set({});
    expect(network.translate('10.244.3.7')).toBeUndefined();
  });

  test('each part is told about when it has changed, and only then', () => {
    const { network, set } = bed();
    const told: string[] = [];
    using _translation = network.onTranslation(() => told.push('translation'));
    using _health = network.health.on(() => told.push('health'));
    set({ alias: '10.71.0.0/16' });
    set({ alias: '10.71.0.0/16' });
    set({ alias: '10.71.0.0/16', ready: { status: 'False', reason: 'TunnelDown' } });
    set({ alias: '10.72.0.0/16', ready: { status: 'False', reason: 'TunnelDown' } });
    expect(told).toEqual(['translation', 'health', 'translation']);
  });

  test('only a tunnel that is said to be down is a loss', () => {
    const { network, set } = bed();
    const said: string[] = [];
    for (const status of [undefined, 'True', 'Unknown', 'False'] as const) {
      set(status === undefined ? {} : { ready: { status, reason: 'Said' } });
      said.push(`${status} ${network.health.verdict.ok} ${network.health.verdict.reason}`);
    }
    expect(said).toEqual(['undefined true NoNetwork', 'True true Said', 'Unknown true Said', 'False false Said']);
  });

  test('NET-37 a tunnel that is not wanted is no loss, whatever was said of it before', () => {
    const { network, set } = bed();
    set({ mode: 'None', ready: { status: 'False', reason: 'NoAnswer' } });
    expect(network.health.verdict).toMatchObject({ ok: true, reason: 'NoNetwork' });
    expect(network.isWanted()).toBe(false);
  });
});
