import { expect, test } from 'vitest';
import { fakeClock } from '#pkg/runtime';
import { Endpoints, splitEndpoint } from './endpoints.ts';

const signal = new AbortController().signal;

/** Endpoints with a name server of our own, which may be changed. */
function setUp(names: Record<string, string> = {}) {
  const clock = fakeClock();
  const endpoints = new Endpoints(clock, async (host) => names[host]);
  let isAnswering = false;
  const pass = async (seconds: number, told: string[]) => {
    for (let second = 0; second < seconds; second++) {
      await endpoints.update(new Map([['rome', told]]), () => isAnswering, signal);
      await clock.advance(1_000);
    }
    return endpoints.current().get('rome');
  };
  return { endpoints, names, pass, answer: (yes: boolean) => void (isAnswering = yes) };
}

test('the first endpoint is dialled; one without an answer is followed by the next, and so on in a circle', async () => {
  const { pass } = setUp({ '192.0.2.1': '192.0.2.1', '192.0.2.2': '192.0.2.2' });
  const told = ['192.0.2.1:51820', '192.0.2.2:51820'];
  expect(await pass(3, told)).toBe('192.0.2.1:51820');
  expect(await pass(5, told)).toBe('192.0.2.2:51820');
  expect(await pass(6, told)).toBe('192.0.2.1:51820');
});

test('one that answers stays, however long', async () => {
  const { pass, answer } = setUp({ '192.0.2.1': '192.0.2.1' });
  answer(true);
  expect(await pass(60, ['192.0.2.1:51820', '192.0.2.2:51820'])).toBe('192.0.2.1:51820');
});

test('NET-23 a name is asked for again when the peer does not answer any more, and kept while nobody knows it', async () => {
  const { endpoints, names, pass, answer } = setUp({ 'rome.example': '192.0.2.1' });
  answer(true);
  expect(await pass(30, ['rome.example:51820'])).toBe('192.0.2.1:51820');
  names['rome.example'] = '2001:DB8:0::9';
  expect(await pass(30, ['rome.example:51820'])).toBe('192.0.2.1:51820');
  answer(false);
  expect(await pass(12, ['rome.example:51820'])).toBe('[2001:db8::9]:51820');
  expect(endpoints.unresolved().size).toBe(0);
  delete names['rome.example'];
  expect(await pass(30, ['rome.example:51820'])).toBe('[2001:db8::9]:51820');
  expect([...endpoints.unresolved()]).toEqual([['rome', 'rome.example']]);
});

test('a peer that tells no endpoint, or is gone, is not dialled', async () => {
  const { endpoints, pass } = setUp({ '192.0.2.1': '192.0.2.1' });
  expect(await pass(2, ['192.0.2.1:51820'])).toBeDefined();
  expect(await pass(2, [])).toBeUndefined();
  expect(await endpoints.update(new Map(), () => false, signal)).toBe(false);
  expect(endpoints.current().size).toBe(0);
});

test.each([
  ['192.0.2.1:51820', { host: '192.0.2.1', port: 51_820 }],
  ['[2001:db8::1]:1', { host: '2001:db8::1', port: 1 }],
  ['gw.rome.example:65535', { host: 'gw.rome.example', port: 65_535 }],
  ['2001:db8::1:51820', undefined],
  ['192.0.2.1', undefined],
  ['192.0.2.1:0', undefined],
  ['192.0.2.1:65536', undefined],
  ['a b:51820', undefined],
  ['', undefined],
])('%j is read as %j', (text, expected) => {
  expect(splitEndpoint(text)).toEqual(expected);
});
