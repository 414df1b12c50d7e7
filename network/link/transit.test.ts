import fc from 'fast-check';
import { expect, test } from 'vitest';
import { overlaps, parseCidr } from '#network/cidr';
import { readAliases, translateAddress } from '#network/ipam';
import type { AliasRecord } from '#network/ipam';
import type { Announcement, ClusterNetwork, Peer, PeerNetwork } from '#pkg/api';
import { decideLink } from './decide-link.ts';

/** Clusters by name; each decides for each of its peers until nobody has anything new to say. */
class Bed {
  readonly hub = 'milan';
  readonly leaves: readonly string[];
  readonly said = new Map<string, Announcement>();
  readonly networks = new Map<string, PeerNetwork>();
  readonly #owns: ReadonlyMap<string, ClusterNetwork>;
  /** Leaves that share a namespace of the hub. */
  sharing: ReadonlySet<string>;
  now = new Date('2026-03-01T12:00:00Z');

  constructor(ranges: ReadonlyMap<string, readonly string[]>, sharing: readonly string[]) {
    this.leaves = [...ranges.keys()].filter((name) => name !== this.hub);
    this.sharing = new Set(sharing);
    this.#owns = new Map(
      [...ranges].map(([name, podRanges]) => [
        name,
        { metadata: { name }, spec: { podRanges: [...podRanges], anchorRange: '10.252.0.0/20' } },
      ]),
    );
  }

  network(who: string, of: string): PeerNetwork {
    return this.networks.get(`${who} ${of}`) ?? {};
  }

  settle(order: readonly number[] = [0]): void {
    for (let round = 0; round < 12; round++) {
      const before = JSON.stringify([...this.networks, ...this.said]);
      const turns = this.leaves.flatMap((leaf) => [[this.hub, leaf] as const, [leaf, this.hub] as const]);
      for (const [index, turn] of turns.entries()) {
        const [who, of] = turns[(index + (order[round % order.length] ?? 0)) % turns.length] ?? turn;
        this.#decide(who, of);
      }
      if (JSON.stringify([...this.networks, ...this.said]) === before) return;
    }
    throw new Error('they never come to rest');
  }

  #decide(who: string, of: string): void {
    const own = this.#owns.get(who);
    if (own === undefined) throw new Error(`no cluster ${who}`);
    const peerOf = (name: string): Peer => ({
      metadata: { name },
      spec: { roles: [], fingerprint: idOf(name) },
      status: { network: this.network(who, name) },
    });
    const others = who === this.hub ? this.leaves.filter((leaf) => leaf !== of).map(peerOf) : [];
    const partners = who === this.hub && this.sharing.has(of) ? this.sharing : new Set<string>();
    const theirs = this.said.get(`${of} ${who}`);
    const decision = decideLink({ own, peer: peerOf(of), others, partners, self: idOf(who), theirs, now: this.now });
    expect(decision.condition).toBeUndefined();
    this.networks.set(`${who} ${of}`, decision.network);
    this.said.set(`${who} ${of}`, decision.ours);
  }

  /** What becomes of a packet from leaf to leaf through the hub: where it arrives and who it says it is from. */
  pass(from: string, source: string, to: string, destination: string) {
    const at = (address: string | undefined, pairs: readonly AliasRecord[] | undefined) =>
      address === undefined ? undefined : translateAddress(address, readAliases(pairs ?? []));
    const back = (pairs: readonly AliasRecord[] | undefined) =>
      pairs?.map(({ original, alias }) => ({ original: alias, alias: original }));
    // At the gateway of the sender, on arrival at the hub, on departure from it, on arrival.
    const first = { source: at(source, this.network(from, this.hub).ourAliases), destination };
    const hub = { source: first.source, destination: at(destination, back(this.network(this.hub, from).ourAliases)) };
    const last = { source: at(hub.source, this.network(this.hub, to).ourAliases), destination: hub.destination };
    return { source: last.source, destination: at(last.destination, back(this.network(to, this.hub).ourAliases)) };
  }

  /** How `who` sees an address of a third cluster. */
  seen(who: string, of: string, address: string): string | undefined {
    const { aliases = [], transit = [] } = this.network(who, this.hub);
    const pairs = transit
      .filter(({ origin }) => origin === idOf(of))
      .map(({ original, range }) => ({ original, alias: range }));
    const atHub = translateAddress(address, readAliases(pairs));
    return atHub === undefined ? undefined : translateAddress(atHub, readAliases(aliases));
  }
}

const idOf = (name: string) => Buffer.from(name).toString('hex').padEnd(64, '0');
const EQUAL = new Map(['milan', 'rome', 'turin', 'pisa'].map((name) => [name, ['10.244.0.0/16']]));

test('NET-17 clusters with the same ranges see each other through the hub under distinct ranges, and packets find their way', () => {
  const bed = new Bed(EQUAL, ['rome', 'turin']);
  bed.settle();
  const beyond = bed.seen('rome', 'turin', '10.244.1.5');
  const there = bed.seen('turin', 'rome', '10.244.1.5');
  expect([beyond, there]).toEqual(['10.2.1.5', '10.2.1.5']);
  expect(bed.pass('rome', '10.244.1.5', 'turin', beyond ?? '')).toEqual({ source: there, destination: '10.244.1.5' });
  expect(bed.network('pisa', 'milan').transit).toEqual([]);
});

test('NET-19 when the last shared namespace ends, nobody keeps an alias of the other, and those rest', () => {
  const bed = new Bed(EQUAL, ['rome', 'turin']);
  bed.settle();
  const before = bed.network('rome', 'milan');
  bed.sharing = new Set(['turin']);
  bed.settle();
  for (const leaf of ['rome', 'turin']) {
    expect(bed.network(leaf, 'milan').aliases?.map(({ original }) => original)).toEqual([
      '10.244.0.0/16',
      '10.252.0.0/20',
    ]);
    expect(bed.network(leaf, 'milan').freed).toHaveLength(1);
    expect(bed.network('milan', leaf).ourAliases).toHaveLength(2);
  }
  bed.sharing = new Set(['rome', 'turin']);
  bed.settle();
  expect(bed.network('rome', 'milan').aliases).toEqual(before.aliases);
});

test('packets between any two leaves arrive, each from an address that no other one has, whatever ranges they have', () => {
  const range = fc.constantFrom('10.244.0.0/16', '10.0.0.0/16', '10.1.0.0/16', '10.2.0.0/17', '192.168.0.0/16');
  const names = ['milan', 'rome', 'turin', 'pisa'];
  fc.assert(
    fc.property(
      fc.tuple(range, range, range, range),
      fc.array(fc.nat(7), { minLength: 1, maxLength: 5 }),
      (all, order) => {
        const ranges = new Map(names.map((name, index) => [name, [all[index] ?? '']]));
        const bed = new Bed(ranges, ['rome', 'turin', 'pisa']);
        bed.settle(order);
        const podOf = (name: string) => (ranges.get(name)?.[0] ?? '').replace(/0\.0\/\d+$/, '1.5');
        for (const from of bed.leaves) {
          const mine = bed.network(from, 'milan').aliases?.map(({ alias }) => parseCidr(alias)) ?? [];
          const taken = [...mine, ...(ranges.get(from) ?? []).map(parseCidr), parseCidr('10.252.0.0/20')];
          expect(taken.filter((a, index) => taken.slice(index + 1).some((b) => overlaps(a, b)))).toEqual([]);
          for (const to of bed.leaves) {
            if (to === from) continue;
            const arrived = bed.pass(from, podOf(from), to, bed.seen(from, to, podOf(to)) ?? '');
            expect(arrived).toEqual({ source: bed.seen(to, from, podOf(from)), destination: podOf(to) });
          }
        }
      },
    ),
    { numRuns: 15 },
  );
});
