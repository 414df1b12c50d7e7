import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, openBed, until } from '../bed.ts';
import { discover, linkAddress, named, selfOf, setDiscovery, short } from './settings.ts';
import { serveZone, type Zone } from './zone.ts';

const DOMAIN = 'clusters.test';
/** Shorter than the default, so that ageing can be waited for. */
const PERIOD_SECONDS = 5;
/** What the case says, from the command to its answer. */
const WITHIN_MS = 5_000;

const bed = openBed();
const milan = bed.cluster('milan');
const rome = bed.cluster('rome');
const OTHER_KEY = 'deadbeef'.repeat(8);
let zone: Zone;

beforeAll(async () => {
  zone = await serveZone(DOMAIN, await linkAddress(milan), 5399);
  await setDiscovery(bed, milan, {
    dns: { domains: [DOMAIN], resolver: zone.resolver, periodSeconds: PERIOD_SECONDS },
  });
});

afterAll(async () => {
  await setDiscovery(bed, milan, { dns: { domains: [], resolver: '', periodSeconds: 30 } });
  await zone[Symbol.asyncDispose]();
});

const txt = (name: string, key: string, host: string) =>
  `_tombolo._tcp TXT "name=${name}" "id=${key}" "label.site=south" "host=${host}.${DOMAIN}"`;

describe('DNS', () => {
  test('PEER-08 discover lists name, address, short fingerprint and source of a cluster in a zone within 5 s', async () => {
    const { fingerprint, addresses } = await selfOf(rome);
    const [host, port] = (addresses[0] ?? '').split(':');
    await zone.set([`_tombolo._tcp SRV 10 10 ${port} rome`, txt('rome', fingerprint, 'rome'), `rome A ${host}`]);
    const { code, found, tookMs } = await discover(milan);
    expect(named(found, 'rome')).toMatchObject({
      addresses: [`${host}:${port}`],
      fingerprint,
      shortFingerprint: short(fingerprint),
      source: 'DNS',
      domain: DOMAIN,
      state: 'Available',
      labels: { site: 'south' },
    });
    expect([code, found['problems']]).toEqual([0, []]);
    expect(tookMs).toBeLessThan(WITHIN_MS);
    const { stdout } = await milan.tombolo('discover');
    const header = /^NAME +ADDRESS +FINGERPRINT +SOURCE +STATE +LAST SEEN\n/;
    expect(stdout).toMatch(header);
    expect(stdout).toMatch(
      new RegExp(`rome +${host}:${port} +${short(fingerprint)} +DNS ${DOMAIN} +Available +\\d+s ago`),
    );
  });

  test('PEER-10 records that point to loopback, link-local, our API or Services, or claim another key, are refused with a sentence', async () => {
    const own = await selfOf(milan);
    const api = (await milan.json('get endpoints kubernetes'))['subsets'][0].addresses[0].ip as string;
    const service = (await milan.json('get service kubernetes'))['spec'].clusterIP as string;
    const bad: [name: string, line: string, why: string][] = [
      ['loop', 'loop A 127.0.0.1', 'is a loopback address'],
      ['linklocal', 'linklocal A 169.254.169.254', 'is a link-local address'],
      ['api', `api A ${api}`, 'is our API server'],
      ['service', `service A ${service}`, 'is in the range of our Services'],
      ['gone', '', `gone.${DOMAIN} has no address`],
      ['mapped', 'mapped AAAA ::ffff:127.0.0.1', 'is an IPv4 address in the form of an IPv6 one'],
    ];
    await zone.set([
      ...bad.flatMap(([name, line], index) => [
        `_tombolo._tcp SRV 10 10 7443 ${name}`,
        txt(name, String(index + 1).repeat(64), name),
        line,
      ]),
      '_tombolo._tcp SRV 10 10 0 zero',
      'zero A 203.0.113.5',
      txt('zero', '9'.repeat(64), 'zero'),
      '_tombolo._tcp SRV 10 10 7443 good',
      'good A 203.0.113.7',
      txt('milan', own.fingerprint, 'good'),
      txt('graz', 'a1'.repeat(32), 'good'),
      txt('graz', OTHER_KEY, 'good'),
      '_tombolo._tcp TXT "name=bytes\\255\\254"',
      `_tombolo._tcp TXT ${Array.from({ length: 12 }, () => `"${'x'.repeat(250)}"`).join(' ')}`,
    ]);
    const { code, found } = await discover(milan);
    for (const [name, , why] of bad) {
      expect(named(found, name)).toMatchObject({
        state: 'Refused',
        addresses: [],
        message: expect.stringContaining(why),
      });
    }
    expect(named(found, 'zero')).toMatchObject({ state: 'Refused', message: expect.stringContaining('with port 0') });
    expect(named(found, 'milan')).toMatchObject({ state: 'Own', addresses: [] });
    const graz = (found['clusters'] as Json[]).filter((cluster) => cluster['name'] === 'graz');
    expect(graz.map(({ state }) => state)).toEqual(['Conflict', 'Conflict']);
    expect(graz.map(({ message }) => message).join()).toContain(short(OTHER_KEY));
    expect(code).toBe(0);
    const [source] = found['sources'] as Json[];
    expect(source?.['message']).toContain('is not UTF-8');
    expect(source?.['message']).toContain('more than 2048');
    expect((await milan.tombolo('discover')).stdout).not.toMatch(/^milan /m);
  });

  test('an address that changes is followed, and a record that vanishes ages out', async () => {
    const { fingerprint } = await selfOf(rome);
    const records = (address: string) => [
      '_tombolo._tcp SRV 10 10 7443 rome',
      txt('rome', fingerprint, 'rome'),
      `rome A ${address}`,
    ];
    await zone.set(records('203.0.113.5'));
    const before = named((await discover(milan)).found, 'rome');
    await zone.set(records('203.0.113.9'));
    // By its period alone, without anybody asking.
    await until('the new address is there', async () => {
      const object = await milan.json(['get', 'discoveredcluster', before?.['object'] as string]);
      return object['status'].addresses.join() === '203.0.113.9:7443';
    });
    await zone.set([]);
    await until('it is stale', async () => named((await discover(milan)).found, 'rome')?.['state'] !== 'Available');
    await until('it is gone', async () => named((await discover(milan)).found, 'rome') === undefined, 40_000);
  });

  test('PEER-08 a resolver that cannot be reached gives a sentence within 5 s', async () => {
    await zone[Symbol.asyncDispose]();
    const { code, found, tookMs } = await discover(milan);
    expect(code).toBe(4);
    expect((found['problems'] as string[]).join()).toMatch(
      new RegExp(`cannot look up _tombolo._tcp.${DOMAIN}: .*(cannot be reached|does not answer)`),
    );
    expect(tookMs).toBeLessThan(WITHIN_MS);
    const { stdout } = await milan.tombolo('discover');
    expect(stdout).toContain('see the chart value discovery.dns.resolver');
  });
});
