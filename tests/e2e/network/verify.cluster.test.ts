import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Bed, type Json, type TestCluster, until } from '../bed.ts';
import { condition, test } from '../fixtures.ts';

/** TCP and UDP port of the pods that answer, which nothing else in the bed uses. */
const PORT = 7_440;
const LABEL = 'tombolo.io/component=verify';

async function tunnelStands(milan: TestCluster): Promise<void> {
  const isUp = async () => condition(await milan.find('get peer rome'), 'NetworkReady')?.['status'] === 'True';
  await until('the gateways of milan and rome answer each other', isUp, 60_000);
}

/** Names of what a run has left: its namespace here, the twin there. */
async function leftOver(milan: TestCluster, rome: TestCluster): Promise<string[]> {
  const here = (await milan.json(`get namespaces -l ${LABEL}`))['items'];
  const there = (await rome.json('get namespaces -l tombolo.io/origin'))['items'];
  const names = [...here, ...there].map((item: Json) => item['metadata'].name as string);
  return names.filter((name) => name.startsWith('verify-'));
}

async function nothingIsLeft(milan: TestCluster, rome: TestCluster): Promise<void> {
  const isGone = async () => (await leftOver(milan, rome)).length === 0;
  await until('namespace and twin of the run are gone', isGone, 60_000);
}

/** Drops what matches `rule` on its way into pods of rome, while `work` runs. */
async function dropping(bed: Bed, rome: TestCluster, rule: string, work: () => Promise<void>): Promise<void> {
  const nodes = (await rome.json('get nodes -l !tombolo.io/peer'))['items'];
  const nft = async (text: string) => {
    for (const node of nodes.map((item: Json) => item['metadata'].name as string)) {
      const outcome = await bed.control(['exec', `rome/${node}`, '--', 'nft', text]);
      if (outcome.code !== 0) throw new Error(`nft on rome/${node}: ${outcome.stderr}`);
    }
  };
  const table = 'inet verify_test';
  const chain = '{ type filter hook forward priority -200; }';
  try {
    await nft(`add table ${table}; add chain ${table} lost ${chain}; add rule ${table} lost ${rule} drop`);
    await work();
  } finally {
    await nft(`add table ${table}; delete table ${table}`);
  }
}

describe('verify', () => {
  test('CLI-16 verify sends everything both ways, tells who saw whom, names the hop that fails, and leaves nothing behind', async ({
    bed,
    milan,
    rome,
    peered: _,
  }) => {
    await tunnelStands(milan);
    const good = await milan.tombolo('verify rome -o json');
    expect(good, good.stdout + good.stderr).toMatchObject({ code: 0 });
    const { healthy, peers } = JSON.parse(good.stdout);
    expect({ healthy, problems: peers[0].problems }).toEqual({ healthy: true, problems: [] });
    const answered = peers[0].lines.filter((line: Json) => line['result'] === 'ok');
    const ways = answered.map((line: Json) => `${line['from']} > ${line['to']} ${line['protocol']} ${line['bytes']}`);
    const sizes = ['TCP 64', 'TCP 102400', 'UDP 64', 'UDP 3000'];
    const all = [...sizes, 'ping 56', 'ping 3000'];
    expect(ways).toEqual([
      ...all.map((what) => `pod here > pod there ${what}`),
      ...sizes.map((what) => `pod here > Service there ${what}`),
      ...all.map((what) => `host here > pod there ${what}`),
      ...sizes.map((what) => `host here > Service there ${what}`),
      ...all.map((what) => `pod there > pod here ${what}`),
      ...sizes.map((what) => `pod there > Service here ${what}`),
    ]);
    expect(answered.every((line: Json) => line['roundTripMs'] > 0)).toBe(true);
    // Each side is seen as the other knows it: pods by the alias of the pod range, hosts by that of the anchors.
    const { ourAliases, aliases } = (await milan.json('get peer rome'))['status'].network;
    const begins = (range: Json) => (range['alias'] as string).replace(/\.\d+\.\d+\/\d+$/, '.');
    const seenAs = (from: string) => answered.find((line: Json) => line['from'] === from && line['seen'])['seen'];
    expect(seenAs('pod here').startsWith(begins(ourAliases[0]))).toBe(true);
    expect(seenAs('host here').startsWith(begins(ourAliases[1]))).toBe(true);
    expect(seenAs('pod there').startsWith(begins(aliases[0]))).toBe(true);
    await nothingIsLeft(milan, rome);

    // Packets larger than a small one are lost on the way there: MTU holes look like that.
    await dropping(bed, rome, `th dport ${PORT} meta length > 1300`, async () => {
      const bad = await milan.tombolo('verify rome');
      expect(bad, bad.stdout + bad.stderr).toMatchObject({ code: 4 });
      expect(bad.stdout).toMatch(/^FROM +TO +PROTOCOL +BYTES +RESULT +ROUND TRIP +SEEN AS/m);
      expect(bad.stdout).toMatch(/^pod here +pod there +UDP +3000 +failed/m);
      expect(bad.stdout).toMatch(/^ {2}- mtu: rome: small packets arrive, large ones do not/m);
      expect(bad.stdout.match(/^ {2}- /gm)).toHaveLength(1);
    });
    await nothingIsLeft(milan, rome);
  });

  test('verify that is interrupted ends at once, and takes its pods along', async ({ bed, milan, rome, peered: _ }) => {
    await tunnelStands(milan);
    const child = spawn(join(bed.folder, 'bin/tombolo'), ['verify', 'rome', '--kubeconfig', milan.kubeconfig], {
      stdio: 'ignore',
    });
    const closed = once(child, 'close');
    const pods = async () => {
      const [name] = await leftOver(milan, rome);
      return name !== undefined && (await milan.json(['-n', name, 'get', 'pods']))['items'].length > 0;
    };
    await until('the run has pods', pods, 60_000);
    const asked = performance.now();
    child.kill('SIGINT');
    expect((await closed)[0]).toBe(130);
    expect(performance.now() - asked).toBeLessThan(5_000);
    await nothingIsLeft(milan, rome);
  });

  test('verify says what it cannot do: unknown peer, a peer that only uses us, an image that is not there', async ({
    milan,
    rome,
    peered: _,
  }) => {
    await tunnelStands(milan);
    const unknown = await milan.tombolo('verify rom');
    expect(unknown).toMatchObject({ code: 1 });
    expect(unknown.stderr).toMatch(/Peer "rom".*near: rome/);
    const [consumer] = (await rome.json('get peers'))['items'].map((item: Json) => item['metadata'].name);
    const provider = await rome.tombolo(['verify', consumer]);
    expect(provider).toMatchObject({ code: 1 });
    expect(provider.stderr).toContain('run the command on that cluster');
    const image = await milan.tombolo('verify rome --image tombolo.test/none:1 -o json');
    expect(image).toMatchObject({ code: 1 });
    expect(JSON.parse(image.stdout).error).toMatchObject({ code: 'ImageNotPullable' });
    expect(image.stderr).toContain('tombolo.test/none:1');
    await nothingIsLeft(milan, rome);
  });
});
