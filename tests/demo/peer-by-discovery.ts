/** `npm run demo -- --discover`: how milan and rome come together without a token or a kubeconfig that is carried around. */
import { type Bed, type Json, type TestCluster, until } from '../e2e/bed.ts';
import { recordsFor } from '../e2e/discovery/records.ts';
import { selfOf } from '../e2e/discovery/settings.ts';

const DOMAIN = 'clusters.example';
const DNS_PORT = 5397;

/** What the demo offers to those who tell a part of it. */
export interface Teller {
  say(text: string): void;
  step<T>(words: string, run: () => Promise<T>): Promise<T>;
  /** Prints the command and runs it. @throws Error where its exit code is not 0 */
  tombolo(cluster: TestCluster, args: string[]): Promise<string>;
}

/** rome stands in a DNS zone; milan finds it there and asks; rome accepts. Run again, it goes on where it stopped. */
export async function peerByDiscovery(bed: Bed, milan: TestCluster, rome: TestCluster, teller: Teller): Promise<void> {
  const { say, step, tombolo } = teller;
  const rollout = `a DNS server lists rome in ${DOMAIN}, and milan looks there (\`discovery.dns.domains\`)`;
  await using records = await step(rollout, () => recordsFor(bed, [milan], DOMAIN, DNS_PORT));
  const self = await selfOf(rome);
  await step('milan has found rome', () => records.list(milan, { rome: self }));
  say(await tombolo(milan, ['discover']));
  say(await tombolo(milan, ['peer', 'rome', '--no-wait']));
  await step('the request has arrived on rome', () => until('a request of milan', () => hasAsked(rome), 60_000));
  say(await tombolo(rome, ['requests']));
  say(await tombolo(rome, ['accept', 'milan']));
  await step('milan and rome are peered', () => tombolo(milan, ['peer', 'rome']));
}

async function hasAsked(rome: TestCluster): Promise<boolean> {
  const { items } = await rome.json('-n tombolo-system get peeringrequests');
  return items.some(({ spec }: Json) => spec.clusterName === 'milan');
}
