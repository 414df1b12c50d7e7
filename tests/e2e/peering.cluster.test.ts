import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { patient } from '../patience.ts';
import { apart, leftovers, unpeer } from './apart.ts';
import { call, type CallOptions, type Json, type TestCluster, until } from './bed.ts';
import { condition, ensurePeered, isReady, offload, remotePod, remoteSet, sleeper, test } from './fixtures.ts';
import { without } from './without.ts';

/** What a program of the CLI needs to be loaded on a busy machine. */
const START_MS = 2_000;

const token = async (cluster: TestCluster, ...flags: string[]) => {
  const outcome = await cluster.tombolo(['invite', ...flags]);
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  return outcome.stdout.trim();
};

/** The middle line of the key with which a kubeconfig proves who it is. */
function privateKeyOf(kubeconfig: Json): string {
  const data = kubeconfig['users'][0].user['client-key-data'] as string;
  const lines = Buffer.from(data, 'base64').toString().trim().split('\n');
  return lines[Math.floor(lines.length / 2)] ?? '';
}

/** What stands in a Secret or ConfigMap, decoded. */
function plainValues({ kind, data = {}, binaryData = {} }: Json): string[] {
  const decode = (text: unknown) => Buffer.from(String(text), 'base64').toString();
  const isPlain = kind === 'ConfigMap';
  return [
    ...Object.values(data).map((text) => (isPlain ? String(text) : decode(text))),
    ...Object.values(binaryData).map(decode),
  ];
}

/*
 * Each test makes what it starts from: two clusters that are apart, or peered. Ending a peering takes longest, so they stand in an order
 * in which the test before has mostly left it like that.
 */
describe('invites', () => {
  test('PEER-03 expired, revoked, truncated and altered tokens, and one whose address is dead, each have a sentence of their own and leave nothing in the way', async ({
    milan,
    rome,
  }) => {
    await apart(milan, rome);
    const sentences = new Map<string, string>();
    const refuse = async (what: string, text: string) => {
      const outcome = await milan.tombolo(['peer', text, '--timeout', '20s']);
      expect(outcome.code, what).not.toBe(0);
      sentences.set(what, outcome.stderr.trim().split('\n').at(-1) ?? '');
    };
    const good = await token(rome);
    await refuse('truncated', good.slice(0, -20));
    const middle = Math.floor(good.length / 2);
    await refuse('altered', good.slice(0, middle) + (good[middle] === 'A' ? 'B' : 'A') + good.slice(middle + 1));
    const short = await token(rome, '--expires-in', '1s');
    await new Promise((next) => setTimeout(next, 1_500));
    await refuse('expired', short);
    const revoked = await token(rome);
    const invites = (await rome.json('-n tombolo-system get invites --sort-by .metadata.creationTimestamp'))['items'];
    expect((await rome.tombolo(['invite', 'revoke', invites.at(-1).metadata.name])).code).toBe(0);
    await refuse('revoked', revoked);
    await until('nothing is left', async () => (await leftovers(milan)).length === 0);
    await refuse('dead', await token(rome, '--address', '203.0.113.1:7443'));
    expect(sentences.get('expired')).toMatch(/expired/);
    expect(sentences.get('revoked')).toMatch(/revoked|not known|unknown/);
    expect(sentences.get('dead')).toMatch(/203\.0\.113\.1:7443 \(TCP/);
    expect(new Set(sentences.values()).size).toBe(5);
    expect(await leftovers(rome)).toEqual([]);
    // Refused for good leaves nothing; of what may still be reached the wish stays, and a good token fulfils it.
    expect(await leftovers(milan)).toEqual(['Peer/rome', 'VirtualNode/rome', 'Secret/tombolo-redeem-rome']);
    const outcome = await milan.tombolo(['peer', good]);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    expect((await milan.json('get peers'))['items'].map((peer: Json) => peer['metadata'].name)).toEqual(['rome']);
    await unpeer(milan, 'rome');
    expect(await leftovers(milan)).toEqual([]);
    expect(await leftovers(rome)).toEqual([]);
  });

  test('PEER-01 PEER-02 PEER-04 an invite and one command: all conditions good; its token serves no other cluster and stands nowhere', async ({
    milan,
    rome,
  }) => {
    await apart(milan, rome);
    const invite = await token(rome);
    const started = performance.now();
    const outcome = await milan.tombolo(['peer', invite]);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    await until('node Ready', async () => isReady(await milan.find('get node rome')), 8_000);
    expect(performance.now() - started).toBeLessThan(30_000);
    for (const [cluster, name] of [
      [milan, 'rome'],
      [rome, 'milan'],
    ] as const) {
      // The tunnel comes a moment after the node: each side has to hear of the other's key and ranges first.
      const peer = await until(
        `${name} is good`,
        async () => {
          const object = await cluster.json(['get', 'peer', name]);
          const isTrue = (type: string) => condition(object, type)?.['status'] === 'True';
          return isTrue('Authenticated') && isTrue('NetworkReady') && object;
        },
        40_000,
      );
      expect(peer['status'].fingerprint).toMatch(/^[0-9a-f]{64}$/);
      for (const entry of peer['status'].conditions) {
        expect(entry.message.length).toBeGreaterThan(0);
        expect(entry.status, `${name} ${entry.type}: ${entry.message}`).toBe(
          entry.type === 'Degraded' ? 'False' : 'True',
        );
      }
    }

    // PEER-02: whoever won may use it again, another identity (rome itself, as a peer of its own under another name) may not.
    expect((await milan.tombolo(['peer', invite])).code).toBe(0);
    const other = await rome.tombolo(['peer', invite, '--name', 'mirror', '--timeout', '20s']);
    expect(other.code).not.toBe(0);
    expect(other.stderr).toMatch(/used/);
    await unpeer(rome, 'mirror', '--force');

    // PEER-04
    const payload = JSON.parse(
      Buffer.from(invite.slice(invite.indexOf('.') + 1).split('.')[0] ?? '', 'base64url').toString(),
    ) as Record<string, unknown>;
    const secret = Object.entries(payload).find(([key]) => /^s(ecret)?$/.test(key))?.[1] as string;
    expect(secret.length).toBeGreaterThan(20);
    for (const cluster of [milan, rome]) {
      const texts = [
        await cluster.kubectl(
          'get peers,invites,virtualnodes,grants,namespaceclaims,offloadings,events,configmaps -A -o yaml',
        ),
        await cluster.kubectl('-n tombolo-system logs -l tombolo.io/component=controller --tail=-1'),
        await cluster.kubectl('-n tombolo-system logs -l tombolo.io/component=kubelet --tail=-1'),
      ].join('\n');
      expect(texts.includes(secret)).toBe(false);
      expect(texts).not.toMatch(/eyJhbGciOi[\w-]+\.[\w-]+\.[\w-]+/);
      expect(texts).not.toMatch(/PRIVATE KEY/);
    }
  });
});

describe('names and identity', () => {
  test('PEER-12 names that are no DNS label or too long are refused with the rule', async ({ milan, rome }) => {
    const invite = await token(rome);
    for (const name of ['Rome', 'a.b', `${'a'.repeat(49)}`, 'x-']) {
      const outcome = await milan.tombolo(['peer', invite, '--name', name]);
      expect(outcome.code, name).not.toBe(0);
      expect(outcome.stderr).toMatch(/at most 48|DNS label/);
    }
  });

  test('PEER-14 again is no change and exit 0; the own cluster is refused unless it gets another name', async ({
    milan,
    rome,
  }) => {
    await ensurePeered(milan, rome);
    const before = (await milan.json('get peer rome'))['metadata'].uid;
    expect((await milan.tombolo(['peer', '--remote-kubeconfig', rome.kubeconfig, '--name', 'rome'])).code).toBe(0);
    expect((await milan.json('get peer rome'))['metadata'].uid).toBe(before);
    const self = await milan.tombolo(['peer', '--remote-kubeconfig', milan.kubeconfig, '--timeout', '20s']);
    expect(self.code).not.toBe(0);
    expect(self.stderr).toMatch(/same cluster|itself|own/);
  });
});

describe('life and end', () => {
  test('PEER-24 unpeer from the provider drains and leaves nothing on either side', async ({ milan, rome }) => {
    await ensurePeered(milan, rome);
    const shop = await offload(milan, rome, `end-${process.pid.toString(36)}`);
    await shop.create(remotePod('bare', { containers: [sleeper()] }));
    await shop.podInPhase('bare', 'Running');
    const outcome = await rome.tombolo('unpeer milan --yes');
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    await milan.kubectl(['label', 'namespace', shop.name, 'tombolo.io/offload-']);
    await until(
      'nothing left',
      async () => (await leftovers(milan)).length + (await leftovers(rome)).length === 0,
      60_000,
    );
    await milan.try(['delete', 'namespace', shop.name, '--wait=false']);
  });

  test('PEER-06 two kubeconfigs give the same, and neither cluster keeps anything of them', async ({ milan, rome }) => {
    await apart(milan, rome);
    await ensurePeered(milan, rome);
    const [kept, ...keys] = await Promise.all([
      Promise.all([milan, rome].map((cluster) => cluster.json('get secrets,configmaps -A'))),
      ...[milan, rome].map(async (cluster) => privateKeyOf(await cluster.json('config view --raw'))),
    ]);
    const values = kept.flatMap(({ items }) => items.flatMap(plainValues));
    expect(values.length).toBeGreaterThan(10);
    for (const key of keys) expect(values.filter((value) => value.includes(key))).toEqual([]);
  });

  test('PEER-25 NODE-24 NODE-25 a PodDisruptionBudget blocks past the deadline: exit 3 names it, and again goes on', async ({
    milan,
    rome,
  }) => {
    await ensurePeered(milan, rome);
    const shop = await offload(milan, rome, `pdb-${process.pid.toString(36)}`);
    await shop.create(remoteSet('Deployment', 'web', 1, { containers: [sleeper()] }), {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'keep-web' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
    });
    await milan.kubectl(['-n', shop.name, 'rollout', 'status', 'deployment/web', '--timeout=60s'], {
      timeoutMs: 70_000,
    });
    const blocked = await milan.tombolo('unpeer rome --yes --timeout 8s');
    expect(blocked.code).toBe(3);
    expect(blocked.stderr).toContain('keep-web');
    await milan.kubectl(['-n', shop.name, 'delete', 'pdb', 'keep-web']);
    await unpeer(milan, 'rome');
    await milan.try(['delete', 'namespace', shop.name, '--wait=false']);
    await until('nothing left', async () => (await leftovers(rome)).length === 0, 60_000);
  });

  test('PEER-16 where the CLI or the controllers of both sides are killed on the way, the same command finishes peer and unpeer', async ({
    milan,
    rome,
  }) => {
    await apart(milan, rome);
    const both = [milan, rome];
    const peer = (...flags: string[]) => milan.tombolo(['peer', '--remote-kubeconfig', rome.kubeconfig, ...flags]);
    const kills = {
      'the CLI': () => Promise.resolve(),
      'the controllers': async () => {
        const pods = 'delete pods -l tombolo.io/component=controller --grace-period=0 --force --wait=false';
        await Promise.all(both.map((cluster) => cluster.kubectl(`-n tombolo-system ${pods}`)));
      },
    };
    for (const [what, kill] of Object.entries(kills)) {
      await milan.tombolo(['peer', '--remote-kubeconfig', rome.kubeconfig], { timeoutMs: 700 });
      await kill();
      // While no controller runs, nobody checks what is written, and the command says so at once.
      await until(`${what}: peer is finished`, async () => (await peer('--timeout', '60s')).code === 0, 90_000);
      for (const cluster of both) expect((await cluster.json('get peers'))['items'], what).toHaveLength(1);
      await milan.tombolo(['unpeer', 'rome', '--yes'], { timeoutMs: 700 });
      await kill();
      await until(`${what}: unpeer is finished`, () => unpeer(milan, 'rome').then(() => true), 90_000);
      const isClean = async () => (await Promise.all(both.map(leftovers))).flat().length === 0;
      await until(`${what}: nothing left`, isClean, 60_000);
    }
  });

  test('PEER-15 a peer that comes back with another key is not trusted; unpeer --force and a new invite end that', async ({
    milan,
    rome,
  }) => {
    await ensurePeered(milan, rome);
    const authenticated = async () => condition(await milan.find('get peer rome'), 'Authenticated');
    await until('rome is trusted', async () => (await authenticated())?.['status'] === 'True', 30_000);
    const before = (await milan.json('get peer rome'))['status'].fingerprint;
    await rome.kubectl('-n tombolo-system delete secret tombolo-identity');
    await rome.kubectl('-n tombolo-system delete pods -l tombolo.io/component=controller');
    const refused = await until(
      'rome is not trusted any more',
      async () => {
        const found = await authenticated();
        return found?.['status'] === 'False' && found;
      },
      60_000,
    );
    expect(refused['message']).toContain('identity changed');
    expect((await milan.json('get peer rome'))['status'].fingerprint).toBe(before);
    await unpeer(milan, 'rome', '--force');
    const outcome = await milan.tombolo(['peer', await token(rome)]);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    await until('the new key is trusted', async () => (await authenticated())?.['status'] === 'True', 30_000);
    expect((await milan.json('get peer rome'))['status'].fingerprint).not.toBe(before);
  });

  test('PEER-17 PEER-18 REF-31 both directions at once: pods of both run, and each direction ends alone', async ({
    milan,
    rome,
  }) => {
    await apart(milan, rome);
    await Promise.all([
      milan.tombolo(['peer', '--remote-kubeconfig', rome.kubeconfig]),
      rome.tombolo(['peer', '--remote-kubeconfig', milan.kubeconfig]),
    ]).then((outcomes) => {
      for (const outcome of outcomes) expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    });
    for (const [cluster, peer] of [
      [milan, 'rome'],
      [rome, 'milan'],
    ] as const) {
      await until(`node ${peer} Ready`, async () => isReady(await cluster.find(['get', 'node', peer])), 30_000);
      expect((await cluster.json('get peers'))['items'].map((item: Json) => [...item['spec'].roles].sort())).toEqual([
        ['Consume', 'Provide'],
      ]);
    }
    const there = await offload(milan, rome, `both-${process.pid.toString(36)}`);
    await there.create(remotePod('a', { containers: [sleeper()] }), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'once' },
      data: { a: '1' },
    });
    await there.podInPhase('a', 'Running');
    await rome.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: there.name, labels: { 'tombolo.io/offload': 'true' } },
    });
    await rome.apply({
      ...(remotePod('b', { nodeSelector: { 'tombolo.io/peer': 'milan' }, containers: [sleeper()] }) as Json),
      metadata: { name: 'b', namespace: there.name },
    } as object);
    await until(
      'b runs on milan',
      async () => (await rome.find(['-n', there.name, 'get', 'pod', 'b']))?.['status'].phase === 'Running',
      40_000,
    );
    // REF-31: what arrived from milan never goes back or on.
    const names = (await milan.json('get namespaces'))['items'].map((item: Json) => item['metadata'].name as string);
    expect(names.filter((name: string) => name.startsWith(there.twin) && name !== there.name)).toEqual([]);
    await rome.kubectl(['label', 'namespace', there.name, 'tombolo.io/offload-']);
    const second = await rome.tombolo('unpeer milan --role consume --yes');
    expect(second, second.stderr).toMatchObject({ code: 0 });
    expect((await there.pod('a'))?.['status'].phase).toBe('Running');
    expect(isReady(await milan.find('get node rome'))).toBe(true);
    expect(await rome.find('get node milan')).toBeUndefined();
    await milan.try(['delete', 'namespace', there.name, '--wait=false']);
    await rome.try(['delete', 'namespace', there.name, '--wait=false']);
    await unpeer(milan, 'rome');
    await until(
      'nothing left',
      async () => (await leftovers(milan)).length + (await leftovers(rome)).length === 0,
      60_000,
    );
  });

  test('CLI-07 a time-out and Ctrl-C during peer end it at once, say how to go on, and it can be finished', async ({
    milan,
    rome,
  }) => {
    await apart(milan, rome);
    const scale = (replicas: number) =>
      milan.kubectl(`-n tombolo-system scale deployment tombolo-kubelet --replicas ${replicas}`);
    const peering = (options: CallOptions, ...flags: string[]) =>
      milan.tombolo(['peer', '--remote-kubeconfig', rome.kubeconfig, ...flags], options);
    const replicas = (await milan.json('-n tombolo-system get deployment tombolo-kubelet'))['spec'].replicas;
    await scale(0); // nobody makes the node Ready: peer waits for it
    try {
      const started = performance.now();
      const late = await peering({}, '--timeout', '6s', '-o', 'json');
      expect(performance.now() - started).toBeLessThan(6_000 + 2_000 + START_MS);
      expect(late, late.stderr).toMatchObject({ code: 3 });
      expect(JSON.parse(late.stdout).error).toMatchObject({
        code: 'TimedOut',
        where: expect.stringMatching(/^while ./),
      });
      const interruptedMs = 6_000;
      const begun = performance.now();
      const outcome = await peering({ timeoutMs: interruptedMs, killSignal: 'SIGINT' });
      expect(performance.now() - begun).toBeLessThan(interruptedMs + 2_000);
      expect(outcome, outcome.stderr).toMatchObject({ code: 130, stdout: '' });
      expect(outcome.stderr).toMatch(/interrupted.*run the same command again/s);
    } finally {
      await scale(replicas);
    }
    const again = await peering({});
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect((await milan.json('get peers'))['items']).toHaveLength(1);
    await until('node Ready', async () => isReady(await milan.find('get node rome')));
  });
});

describe('rights', () => {
  test('PEER-34 PEER-35 the credential of a tenant reaches its own namespaces only, and nothing after unpeer', async ({
    bed,
    milan,
    rome,
  }) => {
    await ensurePeered(milan, rome);
    const shop = await offload(milan, rome, `rights-${process.pid.toString(36)}`);
    const secret = await milan.json('-n tombolo-system get secret tombolo-peer-rome');
    const bearer = Buffer.from(secret['data'].token, 'base64').toString();
    const config = JSON.parse(await rome.kubectl('config view --raw -o json')) as Json;
    const user = { name: config['contexts'][0].context.user, user: { token: bearer } };
    const kubeconfig = join(bed.folder, 'tenant.kubeconfig');
    await writeFile(kubeconfig, JSON.stringify({ ...config, users: [user] }), { mode: 0o600 });
    const as = (args: string) =>
      call(join(bed.folder, 'bin/kubectl'), ['--kubeconfig', kubeconfig, ...args.split(' ')]);
    const rules = async (config: string, namespace: string, ...flags: string[]) => {
      const args = ['--kubeconfig', config, 'auth', 'can-i', '--list', '--no-headers', '-n', namespace, ...flags];
      const lines = (await call(join(bed.folder, 'bin/kubectl'), args)).stdout.split('\n');
      return lines
        .filter((line) => /^\S/.test(line))
        .map((line) => line.trim().replace(/\s+/g, ' '))
        .sort();
    };
    // An account without any right, to compare with: what the tenant may do beyond it is what we gave it.
    const groups = ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'];
    const nobody = ['--as=system:serviceaccount:default:nobody', ...groups.map((group) => `--as-group=${group}`)];
    const tenant = 'tombolo-tenant-milan';
    await rome.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'tombolo-tenant-other' } });
    const namespaces = (await rome.json('get namespaces'))['items'].map((item: Json) => item['metadata'].name);
    expect(namespaces).toEqual(expect.arrayContaining(['default', 'kube-system', 'tombolo-system', tenant, shop.twin]));
    const basic = await rules(rome.kubeconfig, 'default', ...nobody);
    for (const namespace of namespaces) {
      const given = (await rules(kubeconfig, namespace)).filter((rule) => !basic.includes(rule));
      if (namespace === shop.twin) {
        expect(given.join('\n')).toMatch(/^pods \[\] \[\] \[get list watch create/m);
        expect(given.join('\n')).not.toMatch(/role|serviceaccounts|impersonate|namespaces|nodes|token|\*/);
      } else if (namespace === tenant) {
        expect(given.map((rule) => rule.split(' [')[0])).toEqual([
          'configmaps',
          'grants.tombolo.io',
          'links.tombolo.io',
          'namespaceclaims.tombolo.io',
          'serviceaccounts/token',
        ]);
        expect(given.join('\n')).toMatch(/^configmaps \[\] \[tombolo-verdicts\] \[get\]$/m);
        expect(given.join('\n')).toMatch(/^serviceaccounts\/token \[\] \[tenant\] \[create\]$/m);
      } else expect(given, namespace).toEqual([]);
    }
    // The answers themselves, beside what the rules say.
    const refused = async (args: string) => {
      const outcome = await as(args);
      expect(outcome.code, args).toBe(1);
      expect(outcome.stderr, args).toMatch(/[Ff]orbidden/);
      return outcome.stderr;
    };
    for (const args of [
      'get nodes',
      'get namespaces',
      'get pods -A',
      'get grants.tombolo.io -A',
      'get secrets -n kube-system',
      'get secrets -n tombolo-system',
      `create role x --verb=get --resource=pods -n ${shop.twin}`,
      `create rolebinding x --clusterrole=admin --user=x -n ${shop.twin}`,
      `create token default -n ${shop.twin}`,
      'get pods --as=system:admin',
      `label namespace ${shop.twin} pod-security.kubernetes.io/enforce=privileged --overwrite`,
    ]) {
      await refused(args);
    }
    // The same words for a tenant that exists and for one that does not.
    const other = await refused('get grants.tombolo.io -n tombolo-tenant-other');
    expect((await refused('get grants.tombolo.io -n tombolo-tenant-nowhere')).replaceAll('nowhere', 'other')).toBe(
      other,
    );
    await rome.kubectl('delete namespace tombolo-tenant-other --wait=false');
    await milan.kubectl(['delete', 'namespace', shop.name, '--timeout=60s'], { timeoutMs: 70_000 });
    await unpeer(milan, 'rome');
    await until(
      'refused',
      async () =>
        /Unauthorized|must be logged in|Forbidden|forbidden/.test((await as(`get pods -n ${shop.twin}`)).stderr),
      15_000,
    );
  });

  test('PEER-36 without a pinned key the endpoint answers redeem and nothing else', async ({ bed, milan, rome }) => {
    const info = await rome.json('-n tombolo-system get configmap tombolo-cluster');
    const [address] = JSON.parse(info['data'].addresses) as string[];
    const node = (await milan.json('get nodes -l !tombolo.io/peer'))['items'][0].metadata.name;
    const status = async (...args: string[]) =>
      (
        await bed.control([
          'exec',
          `milan/${node}`,
          '--',
          'curl',
          '-sk',
          '-o',
          '/dev/null',
          '-w',
          '%{http_code}',
          '--max-time',
          '15',
          ...args,
        ])
      ).stdout.trim();
    for (const path of ['/v1/credentials', '/v1/unpeer', '/v1/anything']) {
      expect(
        await status('-X', 'POST', '-H', 'content-type: application/json', '-d', '{}', `https://${address}${path}`),
        path,
      ).toBe('401');
    }
    const big = 'x'.repeat(70_000);
    expect(['413', '401', '400', '431', '000']).toContain(
      await status(
        '-X',
        'POST',
        '-H',
        'content-type: application/json',
        '-d',
        JSON.stringify({ big }),
        `https://${address}/v1/redeem`,
      ),
    );
  });
});

describe('the other side is away', () => {
  test('PEER-26 PEER-27 the other side is away: said, nothing deleted; --force cleans this side', {
    timeout: patient(300_000),
  }, async ({ bed, milan, rome }) => {
    await ensurePeered(milan, rome);
    const shop = await offload(milan, rome, `away-${process.pid.toString(36)}`);
    await shop.create(remotePod('bare', { containers: [sleeper()] }));
    await shop.podInPhase('bare', 'Running');
    // Lost packets, not refused connections: nothing tells at once that nobody is there.
    await without('', { bed, milan, rome }, async () => {
      const started = performance.now();
      const outcome = await milan.tombolo('unpeer rome --yes --timeout 15s');
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toMatch(/--force/);
      expect(performance.now() - started).toBeLessThan(20_000);
      expect(await milan.find('get peer rome')).toBeDefined();
      expect((await shop.pod('bare'))?.['status'].phase).toBe('Running');
      const forced = await milan.tombolo('unpeer rome --force --yes --timeout 60s');
      expect(forced, forced.stderr).toMatchObject({ code: 0 });
      await milan.kubectl(['delete', 'namespace', shop.name, '--timeout=40s']);
      expect(await leftovers(milan)).toEqual([]);
    });
    await unpeer(rome, 'milan', '--force');
    await until('rome is clean', async () => (await leftovers(rome)).length === 0, 60_000);
  });
});
