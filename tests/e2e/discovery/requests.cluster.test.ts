import { afterAll, beforeAll, describe, expect } from 'vitest';
import { apart, leftovers, unpeer } from '../apart.ts';
import { type Json, openBed, type TestCluster, until } from '../bed.ts';
import { condition, isReady, test } from '../fixtures.ts';
import { forgetRequests, type Records, recordsFor } from './records.ts';
import { selfOf, short } from './settings.ts';

const DOMAIN = 'asking.test';
const bed = openBed();
let records: Records;

beforeAll(async () => {
  records = await recordsFor(bed, [bed.cluster('milan'), bed.cluster('rome')], DOMAIN, 5398);
});
afterAll(() => records[Symbol.asyncDispose]());

const requestsOf = async (cluster: TestCluster): Promise<Json[]> =>
  JSON.parse((await cluster.tombolo('requests -o json')).stdout).requests;

const requested = (cluster: TestCluster) =>
  until(`a request on ${cluster.name}`, async () =>
    (await requestsOf(cluster)).find((entry) => entry['direction'] === 'In'),
  );

const good = async (outcome: Promise<{ code: number; stderr: string; stdout: string }>) => {
  const ended = await outcome;
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  return ended;
};

describe('asking a cluster that was found', () => {
  test('PEER-09 waits for the other side, shows both the same fingerprints, and has no right before accept', async ({
    milan,
    rome,
  }) => {
    await apart(milan, rome);
    await forgetRequests(milan, rome);
    const [home, there] = [await selfOf(milan), await selfOf(rome)];
    const comparison = `${short(home.fingerprint)}/${short(there.fingerprint)}`;
    await records.list(milan, { rome: there });

    const asked = await milan.tombolo(['peer', 'rome', '--timeout', '12s']);
    expect(asked.code, asked.stderr).toBe(3);
    expect(asked.stderr).toContain(`they compare ${comparison} and run \`tombolo accept milan\``);
    const peer = await milan.json('get peer rome');
    expect(peer['status']).toMatchObject({ phase: 'AwaitingApproval', roles: [] });
    expect(await requestsOf(milan)).toMatchObject([
      { cluster: 'rome', direction: 'Out', state: 'Waiting', comparison },
    ]);
    expect(await requestsOf(rome)).toMatchObject([{ cluster: 'milan', direction: 'In', state: 'Waiting', comparison }]);
    expect((await rome.tombolo('requests')).stdout).toContain(comparison);
    // Not a peer, no tenant, no account, no credential on either side.
    expect(await leftovers(rome)).toEqual([]);
    expect((await milan.json('-n tombolo-system get secrets -l tombolo.io/peer'))['items']).toEqual([]);

    const resumed = milan.tombolo('peer rome');
    const limit = 'cpu=4,memory=8Gi,pods=50';
    const accepted = await good(rome.tombolo(['accept', short(home.fingerprint), '--limit', limit]));
    expect(accepted.stdout).toContain(comparison);
    await until('node rome is Ready', async () => isReady(await milan.find('get node rome')), 60_000);
    const readyAt = Date.now();
    const { endedAt } = (await rome.json('-n tombolo-system get peeringrequests'))['items'][0].status;
    console.info(`from accept to Ready: ${((readyAt - Date.parse(endedAt)) / 1000).toFixed(1)} s`);
    await good(resumed);
    expect((await rome.json('get peer milan'))['spec'].limits).toEqual({ cpu: '4', memory: '8Gi', pods: '50' });
    expect((await good(milan.tombolo('peer rome'))).stdout).toMatch(/already; nothing was changed/);
    expect((await good(rome.tombolo('accept milan'))).stdout).toContain('is accepted');
    const late = await rome.tombolo('reject milan');
    expect(late.code).not.toBe(0);
    expect(late.stderr).toContain('tombolo unpeer milan');

    await unpeer(milan, 'rome');
    for (const cluster of [milan, rome])
      await until(`${cluster.name} is clean`, async () => (await leftovers(cluster)).length === 0 || false, 60_000);
    expect(await requestsOf(rome)).toEqual([]);
  });

  test('PEER-09 a no ends it with a sentence on both sides, and stands for a day', async ({ milan, rome }) => {
    await apart(milan, rome);
    await forgetRequests(milan, rome);
    await records.list(milan, { rome: await selfOf(rome) });

    const refused = milan.tombolo('peer rome');
    await requested(rome);
    await good(rome.tombolo('reject milan'));
    expect((await refused).code).toBe(1);
    expect((await refused).stderr).toMatch(/the people of rome rejected it; speak with the people/);
    expect(await requestsOf(rome)).toMatchObject([{ state: 'Rejected', message: 'the people of rome rejected it' }]);
    expect(await leftovers(milan)).toEqual([]);
    expect(await leftovers(rome)).toEqual([]);
    // It stands for a day: asking anew changes nothing.
    const again = await milan.tombolo('peer rome');
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('rejected');
  });

  test('PEER-09 a day without an answer, and a withdrawal, end it with a sentence on both sides', async ({
    milan,
    rome,
  }) => {
    await apart(milan, rome);
    await forgetRequests(milan, rome);
    await records.list(milan, { rome: await selfOf(rome) });

    await good(milan.tombolo('peer rome --no-wait'));
    const { fingerprint } = await requested(rome);
    const name = `request-${fingerprint.slice(0, 32)}`;
    const spec = { expiresAt: new Date(Date.now() - 1_000).toISOString() };
    await rome.kubectl([
      '-n',
      'tombolo-system',
      'patch',
      'peeringrequest',
      name,
      '--type',
      'merge',
      '-p',
      JSON.stringify({ spec }),
    ]);
    const peer = await until('the end is told', async () => {
      const object = await milan.json('get peer rome');
      return object['status'].phase === 'Failed' && object;
    });
    expect(condition(peer, 'Authenticated')?.['message']).toMatch(/nobody answered until/);
    expect(await requestsOf(milan)).toMatchObject([{ direction: 'Out', state: 'Expired' }]);
    expect(await requestsOf(rome)).toMatchObject([{ direction: 'In', state: 'Expired' }]);
    const late = await rome.tombolo('accept milan');
    expect(late.code).toBe(1);
    expect(late.stderr).toContain('let the people of milan run `tombolo peer` again');

    await good(milan.tombolo('peer rome --no-wait'));
    await until('asked anew', async () => (await requestsOf(rome))[0]?.['state'] === 'Waiting');
    await unpeer(milan, 'rome');
    expect(await requestsOf(rome)).toEqual([]);
    expect(await leftovers(milan)).toEqual([]);
  });

  test('PEER-10 a record with another fingerprint than the endpoint proves is refused, and asks nobody', async ({
    milan,
    rome,
  }) => {
    await apart(milan, rome);
    await forgetRequests(milan, rome);
    const there = await selfOf(rome);
    await records.list(milan, { genoa: { ...there, fingerprint: 'ab'.repeat(32) } });
    const outcome = await milan.tombolo('peer genoa');
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(
      `the record is not true: it shows key ${short(there.fingerprint)}, not abab-abab-abab-abab`,
    );
    expect(await requestsOf(rome)).toEqual([]);
    expect(await leftovers(milan)).toEqual([]);
    const unknown = await milan.tombolo('peer lucca');
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('tombolo discover');
  });

  test('rules ask and accept by themselves; one that would count for everybody is refused', async ({ milan, rome }) => {
    await apart(milan, rome);
    await records.list(milan, {});
    await forgetRequests(milan, rome);
    const rule = (name: string, spec: object) => ({
      apiVersion: 'tombolo.io/v1alpha1',
      kind: 'PeeringRule',
      metadata: { name },
      spec,
    });
    for (const spec of [
      { action: 'Accept' },
      { action: 'Accept', labels: { env: 'test' } },
      { action: 'Ask', domain: DOMAIN, limits: { cpu: 1 } },
    ])
      await expect(rome.apply(rule('bad', spec))).rejects.toThrow(
        /a rule names a fingerprint|labels count only|limits belong/,
      );

    await rome.apply(
      rule('fleet', { action: 'Accept', domain: DOMAIN, labels: { env: 'test' }, limits: { cpu: '2' } }),
    );
    await milan.apply(rule('fleet', { action: 'Ask', domain: DOMAIN }));
    const there = await selfOf(rome);
    await records.list(milan, { rome: there });
    const waiting = await requested(rome);
    expect(waiting['state'], 'no record of the domain names milan yet').toBe('Waiting');
    await records.list(rome, { rome: there, milan: await selfOf(milan) });
    await until('node rome is Ready', async () => isReady(await milan.find('get node rome')), 60_000);
    expect(await requestsOf(rome)).toMatchObject([
      { state: 'Accepted', message: 'accepted by rule fleet as peer milan' },
    ]);
    expect((await rome.json('get peer milan'))['spec'].limits).toEqual({ cpu: '2' });

    await forgetRequests(milan);
    await apart(milan, rome);
    await forgetRequests(rome);
  });
});
