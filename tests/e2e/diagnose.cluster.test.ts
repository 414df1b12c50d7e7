import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { patient } from '../patience.ts';
import { type Json, type TestCluster, until } from './bed.ts';
import { condition, test } from './fixtures.ts';
import { withOtherClock } from './other-clock.ts';
import { without } from './without.ts';

const SYSTEM = '-n tombolo-system';

/** A firewall and a policy take a while to be seen: two looks of the controller, or a search for the largest packet. */
const SEEN_MS = 45_000;

async function diagnosis(milan: TestCluster, ...flags: string[]): Promise<Json & { code: number }> {
  const outcome = await milan.tombolo(['diagnose', 'rome', '-o', 'json', ...flags]);
  if (![0, 4].includes(outcome.code)) throw new Error(`exit ${outcome.code}: ${outcome.stderr}`);
  return { ...JSON.parse(outcome.stdout), code: outcome.code };
}

async function healthy(milan: TestCluster): Promise<void> {
  const isWell = async () => {
    const found = await diagnosis(milan);
    if (found.code === 0) return true;
    throw new Error(JSON.stringify(found['causes'], undefined, 1));
  };
  await until('diagnose finds nothing', isWell, 90_000);
}

/** Waits until that cause is the first and only one, for one fault is one cause, and gives it. */
async function firstCause(milan: TestCluster, code: string): Promise<Json> {
  let last: Json | undefined;
  const isFirst = async () => {
    last = await diagnosis(milan);
    return last['causes'][0]?.code === code && last['causes'].length === 1 && last['code'] === 4 && last;
  };
  const found = await until(`the cause is ${code}`, isFirst, SEEN_MS).catch((error: unknown) => {
    throw new Error(JSON.stringify(last?.['causes'], undefined, 1), { cause: error });
  });
  expect(found['healthy']).toBe(false);
  expect(found['causes'][0].next).not.toBe('');
  return found['causes'][0];
}

/** An admission policy that denies these requests, while `work` runs. */
async function denying(
  cluster: TestCluster,
  rule: { apiGroup: string; resource: string; operation: string; match: string },
  work: () => Promise<void>,
): Promise<void> {
  const name = 'diagnose.test.tombolo.io';
  const api = 'admissionregistration.k8s.io/v1';
  const { apiGroup, resource, operation, match } = rule;
  const kinds = 'validatingadmissionpolicybinding,validatingadmissionpolicy';
  try {
    await cluster.apply(
      {
        apiVersion: api,
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name },
        spec: {
          failurePolicy: 'Fail',
          matchConstraints: {
            resourceRules: [
              { apiGroups: [apiGroup], apiVersions: ['v1'], operations: [operation], resources: [resource] },
            ],
          },
          matchConditions: [{ name: 'ours', expression: match }],
          validations: [{ expression: 'false', message: 'denied by a test' }],
        },
      },
      {
        apiVersion: api,
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name },
        spec: { policyName: name, validationActions: ['Deny'] },
      },
    );
    await work();
  } finally {
    await cluster.kubectl(['delete', kinds, name, '--ignore-not-found']);
  }
}

/** `host:port` of the peering endpoint of rome, as milan dials it. */
async function peeringAddress(milan: TestCluster): Promise<{ host: string; port: number }> {
  const [, host = '', port] = /^(.*):(\d+)$/.exec((await milan.json('get peer rome'))['spec'].addresses[0]) ?? [];
  return { host, port: Number(port) };
}

describe('diagnose', () => {
  test('CLI-11 names what is wrong on the way: MTU hole, UDP blocked, TCP blocked, a name that does not resolve', {
    timeout: patient(240_000),
  }, async ({ bed, milan, rome, peered: _ }) => {
    await healthy(milan);
    const clusters = { bed, milan, rome };
    const { aliases: __, ...network } = (await milan.json('get peer rome'))['status'].network;
    const udpPort = Number(network.endpoints[0].split(':')[1]);

    await without('meta l4proto udp meta length > 1380', clusters, async () => {
      const cause = await firstCause(milan, 'MtuHole');
      expect(cause).toMatchObject({ peer: 'rome', to: expect.any(String), protocol: 'UDP' });
      expect(cause['message']).toMatch(/both ends carry packets of \d+ bytes, the way between the gateways only \d+/);
    });

    // A tunnel that begins anew is measured anew: nothing has to wait for what was found.
    await without('meta l4proto udp', clusters, async () => {
      const started = performance.now();
      const said = await until(
        'the condition of the Peer names it',
        async () => {
          const ready = condition(await milan.find('get peer rome'), 'NetworkReady');
          return ready?.['reason'] === 'NoAnswer' && ready;
        },
        15_000,
      );
      expect(said['message']).toMatch(new RegExp(`does not answer our gateway .* at [0-9.]+:${udpPort} \\(UDP`));
      const cause = await firstCause(milan, 'UdpBlocked');
      expect(performance.now() - started).toBeLessThan(15_000);
      expect(cause).toMatchObject({
        peer: 'rome',
        from: expect.stringMatching(/^gateway of milan \(pod tombolo-gateway-.* on node .*\)/),
        to: expect.stringMatching(/^[0-9.]+$/),
        port: udpPort,
        protocol: 'UDP',
      });
      const [status, verify] = await Promise.all([milan.tombolo('status --check'), milan.tombolo('verify rome')]);
      for (const outcome of [status, verify]) {
        expect(outcome, outcome.stderr).toMatchObject({ code: 4 });
        expect(outcome.stdout).toMatch(new RegExp(`our gateway .*:${udpPort} \\(UDP`));
      }
      const told = await milan.tombolo(['diagnose', '--remote-kubeconfig', rome.kubeconfig]);
      expect(told, told.stderr).toMatchObject({ code: 4 });
      expect(told.stdout).toMatch(
        new RegExp(`1\\. rome: UDP does not get through[^]*port +${udpPort}\n +protocol +UDP`),
      );
      expect(told.stdout).not.toContain('whether the gateway of rome runs');
    });

    const { host, port } = await peeringAddress(milan);
    await without(`tcp dport ${port}`, clusters, async () => {
      const cause = await firstCause(milan, 'TcpBlocked');
      expect(cause).toMatchObject({ peer: 'rome', to: host, port, protocol: 'TCP' });
      expect(cause['from']).toMatch(/^controller of milan \(pod tombolo-controller-/);
    });

    const secret = `${SYSTEM} patch secret tombolo-peer-rome --type merge -p`.split(' ');
    const before = (await milan.json(`${SYSTEM} get secret tombolo-peer-rome`))['data'].addresses;
    const dial = (addresses: string) => milan.kubectl([...secret, JSON.stringify({ data: { addresses } })]);
    try {
      await dial(Buffer.from(JSON.stringify([`rome.invalid:${port}`])).toString('base64'));
      const cause = await firstCause(milan, 'NameNotResolved');
      expect(cause).toMatchObject({ peer: 'rome', to: 'rome.invalid', port, protocol: 'TCP' });
    } finally {
      await dial(before);
    }
    await healthy(milan);
  });

  test('CLI-11 names clocks that differ by 5 min', async ({ bed, milan, rome, peered: _ }) => {
    await healthy(milan);
    await using late = await withOtherClock(rome, 5 * 60_000);
    const file = join(bed.folder, 'other-clock.kubeconfig');
    try {
      await writeFile(file, late.kubeconfig);
      const found = await diagnosis(milan, '--remote-kubeconfig', file);
      expect(found['causes']).toMatchObject([{ code: 'ClockSkew', peer: 'rome', port: 6443, protocol: 'TCP' }]);
      expect(found['causes'][0].message).toMatch(/the clock of rome is (5m|4m5\ds|5m\ds) ahead of that of milan/);
      expect(found.code).toBe(4);
    } finally {
      await rm(file, { force: true });
    }
  });

  test('CLI-11 names a webhook that is down, as such or with the controller', { timeout: patient(240_000) }, async ({
    milan,
    peered: _,
  }) => {
    await healthy(milan);
    const service = await milan.json(`${SYSTEM} get service tombolo-webhook`);
    const select = (component: string) =>
      milan.kubectl([
        ...`${SYSTEM} patch service tombolo-webhook --type merge -p`.split(' '),
        JSON.stringify({ spec: { selector: { ...service['spec'].selector, 'tombolo.io/component': component } } }),
      ]);
    try {
      await select('nobody');
      const cause = await firstCause(milan, 'WebhookDown');
      const to = 'tombolo-webhook.tombolo-system.svc';
      expect(cause).toMatchObject({ from: 'API server of milan', to, port: 443, protocol: 'TCP' });
    } finally {
      await select('controller');
    }
    const scale = `${SYSTEM} scale deployment tombolo-controller --replicas`;
    const { replicas } = (await milan.json(`${SYSTEM} get deployment tombolo-controller`))['spec'];
    try {
      await milan.kubectl(`${scale} 0`);
      const cause = await firstCause(milan, 'ControllerDown');
      expect(cause).toMatchObject({ to: 'Service tombolo-system/tombolo-webhook', port: 443, protocol: 'TCP' });
      expect(cause['title']).toContain('webhook');
      expect(cause['consequences'].map((finding: Json) => finding['code'])).toContain('WebhookDown');
    } finally {
      await milan.kubectl(`${scale} ${replicas}`);
    }
    await healthy(milan);
  });

  test('CLI-11 names the certificate of a virtual node that is not approved', { timeout: patient(240_000) }, async ({
    milan,
    peered: _,
  }) => {
    await healthy(milan);
    const approval = {
      apiGroup: 'certificates.k8s.io',
      resource: 'certificatesigningrequests/approval',
      operation: 'UPDATE',
      match: `object.spec.signerName == 'kubernetes.io/kubelet-serving'`,
    };
    let step = '';
    await denying(milan, approval, async () => {
      await milan.kubectl(`${SYSTEM} delete pods -l tombolo.io/component=kubelet --wait=false`);
      const cause = await firstCause(milan, 'CertificateNotApproved');
      const to = expect.stringMatching(/^node rome \([0-9.]+\)/);
      expect(cause).toMatchObject({ peer: 'rome', to, protocol: 'TCP' });
      expect(cause['port']).toBeGreaterThan(10_000);
      step = /^kubectl (certificate approve tombolo-rome-[^\s;]+)/.exec(cause['next'])?.[1] ?? '';
      expect(step, cause['next']).not.toBe('');
    });
    // What it says helps; the API server may take a moment until it no longer asks a policy that is gone.
    await until('the certificate is approved', async () => (await milan.try(step)).code === 0);
    await healthy(milan);
  });

  test('CLI-11 names a credential that was revoked', { timeout: patient(240_000) }, async ({
    milan,
    rome,
    peered: _,
  }) => {
    await healthy(milan);
    const [consumer] = (await rome.json('get peers'))['items'].map((item: Json) => item['metadata'].name);
    const tenant = `tombolo-tenant-${consumer}`;
    // Else the peer gets a new credential at once.
    const tokens = {
      apiGroup: '',
      resource: 'serviceaccounts/token',
      operation: 'CREATE',
      match: `request.namespace == '${tenant}'`,
    };
    await denying(rome, tokens, async () => {
      await rome.kubectl(`-n ${tenant} delete serviceaccount tenant`);
      const cause = await firstCause(milan, 'CredentialRevoked');
      expect(cause).toMatchObject({ peer: 'rome', port: 6443, protocol: 'TCP' });
      expect(cause['next']).toContain(tenant);
    });
    await healthy(milan);
  });
});
