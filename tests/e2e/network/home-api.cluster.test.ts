import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Bed, call, type Json, type TestCluster, until } from '../bed.ts';
import { BUSYBOX, condition, type Offloaded, remotePod, sleeper, test } from '../fixtures.ts';

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
const MOUNT = { name: 'kubectl', mountPath: '/bin/kubectl' };

/** kubectl as any pod could bring it along, in a pod that may mount it from its node: the simplest way to have it there. */
async function withKubectl(bed: Bed, spec: object = {}): Promise<object> {
  const path = await realpath(join(bed.folder, 'bin/kubectl'));
  return {
    volumes: [{ name: 'kubectl', hostPath: { path, type: 'File' } }],
    containers: [sleeper({ volumeMounts: [MOUNT] })],
    ...spec,
  };
}

/** Nodes of both clusters stand on this host, so a path of it is one of theirs; twins forbid such volumes otherwise. */
async function allowHostPath(rome: TestCluster, shop: Offloaded): Promise<void> {
  await rome.kubectl(`label namespace ${shop.twin} pod-security.kubernetes.io/enforce=privileged --overwrite`);
}

function inPod(cluster: TestCluster, namespace: string, pod: string, script: string) {
  return cluster.try(['-n', namespace, 'exec', pod, '-c', 'main', '--', 'sh', '-c', script]);
}

async function output(cluster: TestCluster, namespace: string, pod: string, script: string): Promise<string> {
  const outcome = await inPod(cluster, namespace, pod, script);
  if (outcome.code !== 0) throw new Error(`${pod}: ${script}: exit ${outcome.code}: ${outcome.stderr}`);
  return outcome.stdout.trim();
}

function claimsOf(token: string): Json {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
}

/** What rights an account has at home: to read ConfigMaps and pods of its namespace, and nothing else. */
function reader(namespace: string): object[] {
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reader' } },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: { name: 'reader' },
      rules: [{ apiGroups: [''], resources: ['configmaps', 'pods'], verbs: ['get', 'list'] }],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'reader' },
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace }],
    },
  ];
}

async function tokenSecrets(rome: TestCluster, shop: Offloaded): Promise<Json[]> {
  return (await rome.json(`-n ${shop.twin} get secrets -l tombolo.io/component=token`))['items'];
}

describe('the API of home', () => {
  test('POD-51 POD-52 POD-53 POD-54 POD-57 an unchanged client in a remote pod is at home', async ({
    bed,
    milan,
    rome,
    shop,
  }) => {
    await until(
      'the tunnel is up',
      async () => condition(await milan.find('get peer rome'), 'NetworkReady')?.['status'] === 'True',
      60_000,
    );
    await allowHostPath(rome, shop);
    const list = { name: 'first', image: BUSYBOX, volumeMounts: [MOUNT], command: ['kubectl', 'get', 'pods'] };
    const spec = await withKubectl(bed, {
      serviceAccountName: 'reader',
      initContainers: [list],
      containers: [
        sleeper({
          env: [{ name: 'CA', valueFrom: { configMapKeyRef: { name: 'kube-root-ca.crt', key: 'ca.crt' } } }],
          volumeMounts: [MOUNT, { name: 'vault', mountPath: '/vault' }],
        }),
      ],
    });
    const vault = {
      name: 'vault',
      projected: {
        sources: [{ serviceAccountToken: { audience: 'vault', expirationSeconds: 600, path: 'token' } }],
      },
    };
    await shop.create(
      ...reader(shop.name),
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'at-home', annotations: { 'tombolo.io/reflect': 'false' } },
        data: { where: 'milan' },
      },
      remotePod('client', { ...spec, volumes: [...(spec as Json)['volumes'], vault] }),
    );
    const { metadata } = await shop.podInPhase('client', 'Running', 60_000);
    const run = (script: string) => output(milan, shop.name, 'client', script);

    // The init container was a client too.
    expect(await milan.kubectl(`-n ${shop.name} logs client -c first`)).toMatch(/^client /m);
    expect(await run('kubectl get configmap at-home -o jsonpath={.data.where}')).toBe('milan');
    const { userInfo } = JSON.parse(await run('kubectl auth whoami -o json')).status;
    expect(userInfo).toMatchObject({
      username: `system:serviceaccount:${shop.name}:reader`,
      extra: {
        'authentication.kubernetes.io/pod-name': ['client'],
        'authentication.kubernetes.io/pod-uid': [metadata.uid],
      },
    });
    const refused = await inPod(milan, shop.name, 'client', 'kubectl get secrets');
    expect(refused.stderr).toContain('cannot list resource "secrets"');
    const call443 = `--certificate-authority ${FOLDER}/ca.crt --token "$(cat ${FOLDER}/token)" get --raw /livez`;
    for (const host of ['default.svc', 'default.svc.cluster.local', 'default'].map((end) => `kubernetes.${end}`)) {
      expect(await run(`kubectl --server https://${host} ${call443}`)).toBe('ok');
    }

    // POD-57: the CA of home, and the one of rome untouched beside it.
    const caOf = async (cluster: TestCluster, namespace: string) =>
      (await cluster.json(`-n ${namespace} get configmap kube-root-ca.crt`))['data']['ca.crt'].trim();
    const home = await caOf(milan, shop.name);
    expect(await run(`cat ${FOLDER}/ca.crt`)).toBe(home);
    expect(await run('echo "$CA"')).toBe(home);
    expect(await caOf(rome, shop.twin)).toBe(await caOf(rome, 'default'));
    expect(await run(`cat ${FOLDER}/namespace`)).toBe(shop.name);

    // POD-52
    const pod = { name: 'client', uid: metadata.uid };
    const [own, api] = [claimsOf(await run('cat /vault/token')), claimsOf(await run(`cat ${FOLDER}/token`))];
    expect(own).toMatchObject({ aud: ['vault'], 'kubernetes.io': { namespace: shop.name, pod } });
    expect(own['exp'] - own['iat']).toBe(600);
    expect(api).toMatchObject({ 'kubernetes.io': { namespace: shop.name, pod } });
    expect(api['aud']).not.toContain('vault');

    // Only that port, and only for pods that run for milan.
    const address = (await milan.json('get peer rome'))['status'].network.homeApiAddress as string;
    expect((await inPod(milan, shop.name, 'client', `nc -w 5 ${address} 443 </dev/null`)).code).toBe(0);
    expect((await inPod(milan, shop.name, 'client', `nc -w 2 ${address} 6443 </dev/null`)).code).not.toBe(0);
    const stranger = `stranger-${shop.name}`;
    await rome.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: stranger, namespace: 'default' },
      spec: { terminationGracePeriodSeconds: 1, containers: [sleeper()] },
    });
    await rome.kubectl(`wait pod ${stranger} --for condition=Ready --timeout 60s`, { timeoutMs: 70_000 });
    expect((await inPod(rome, 'default', stranger, `nc -w 2 ${address} 443 </dev/null`)).code).not.toBe(0);
    await rome.kubectl(`delete pod ${stranger} --wait=false`);

    // POD-53: made anew when its time has come, and when somebody takes it away.
    const [first] = await tokenSecrets(rome, shop);
    const name = first?.['metadata'].name as string;
    const changed = (what: string, old: Json | undefined) =>
      until(what, async () => {
        const [secret] = await tokenSecrets(rome, shop);
        return secret?.['data'] !== undefined && secret['data']['token-0'] !== old?.['data']['token-0'] && secret;
      });
    expect(first?.['type']).toBe('Opaque');
    const lifeMs = Date.parse(first?.['metadata'].annotations['tombolo.io/renew-at']) - own['iat'] * 1_000;
    expect(lifeMs).toBeLessThan(480_000);
    await rome.kubectl(`-n ${shop.twin} annotate secret ${name} tombolo.io/renew-at=2026-01-01T00:00:00Z --overwrite`);
    await milan.kubectl(`-n ${shop.name} label pod client look=again`);
    const renewed = await changed('the token is renewed', first);
    expect(renewed['metadata'].uid).toBe(first?.['metadata'].uid);
    await rome.kubectl(`-n ${shop.twin} delete secret ${name}`);
    const remade = await changed('the Secret is back', renewed);
    expect(remade['metadata'].uid).not.toBe(first?.['metadata'].uid);

    // POD-54
    const tokens = Object.values(remade['data']).map((data) => Buffer.from(data as string, 'base64').toString());
    const token = tokens.find((text) => !claimsOf(text)['aud'].includes('vault'));
    const { server } = (await milan.json('config view --minify'))['clusters'][0].cluster;
    const asToken = () =>
      call(join(bed.folder, 'bin/kubectl'), [
        '--kubeconfig=/dev/null',
        `--server=${server}`,
        '--insecure-skip-tls-verify',
        `--token=${token}`,
        `--namespace=${shop.name}`,
        'get',
        'configmap',
        'at-home',
      ]);
    expect(await asToken()).toMatchObject({ code: 0 });
    await milan.kubectl(`-n ${shop.name} delete pod client`);
    await until('no token is left there', async () => (await tokenSecrets(rome, shop)).length === 0, 30_000);
    await until('the token is refused', async () => /Unauthorized|logged in/.test((await asToken()).stderr), 30_000);
  });

  test('POD-55 POD-56 a pod talks to the API of the provider, or to none, where it says so', async ({
    bed,
    milan,
    rome,
    shop,
  }) => {
    await allowHostPath(rome, shop);
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace: shop.twin } };
    await rome.apply(account);
    const says = (access: string, more: object = {}) => ({
      annotations: { 'tombolo.io/api-access': access, ...more },
    });
    const kubectl = await withKubectl(bed);
    const plain = { containers: [sleeper()] };
    await shop.create(
      remotePod('theirs', kubectl, says('provider')),
      remotePod('robot', kubectl, says('provider', { 'tombolo.io/remote-service-account': 'robot' })),
      remotePod('none', plain, says('none')),
      remotePod('off', { ...plain, automountServiceAccountToken: false }),
      remotePod('wrong', plain, says('remote')),
    );
    for (const value of ['home', 'provider', 'none']) {
      expect(await shop.whyNot('wrong', 'Unsupported')).toContain(value);
    }
    for (const pod of ['theirs', 'robot', 'none', 'off']) await shop.podInPhase(pod, 'Running', 60_000);
    await milan.kubectl(
      ['-n', shop.name, 'patch', 'offloading', 'offloading', '--type', 'merge'].concat(
        '-p',
        '{"spec":{"apiAccess":"none"}}',
      ),
    );
    await shop.create(remotePod('quiet', plain));
    await shop.podInPhase('quiet', 'Running', 60_000);
    const whoami = 'kubectl auth whoami -o jsonpath={.status.userInfo.username}';
    expect(await output(milan, shop.name, 'theirs', whoami)).toBe(`system:serviceaccount:${shop.twin}:default`);
    expect(await output(milan, shop.name, 'robot', whoami)).toBe(`system:serviceaccount:${shop.twin}:robot`);
    for (const pod of ['none', 'off', 'quiet']) {
      expect(await output(milan, shop.name, pod, `ls -d ${FOLDER} 2>/dev/null || echo none`)).toBe('none');
    }
    expect(await tokenSecrets(rome, shop)).toEqual([]);
  });

  test('PEER-37 our kubelet mints tokens and reads Secrets in offloaded namespaces alone', async ({ milan, shop }) => {
    const as = '--as system:serviceaccount:tombolo-system:tombolo-kubelet';
    const may = async (what: string, namespace: string) =>
      (await milan.try(`auth can-i ${what} ${as} -n ${namespace}`)).stdout.trim();
    const rights = ['create serviceaccounts --subresource token', 'get secrets', 'list secrets'];
    for (const right of rights) {
      expect([right, await may(right, shop.name), await may(right, 'default')]).toEqual([right, 'yes', 'no']);
    }
    await milan.kubectl(`label namespace ${shop.name} tombolo.io/offload-`);
    for (const right of rights) {
      await until(`${right} is taken away`, async () => (await may(right, shop.name)) === 'no', 30_000);
    }
  });
});
