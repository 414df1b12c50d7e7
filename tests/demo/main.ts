/**
 * `npm run demo`: the main job on two real clusters of this machine, told in a few lines.
 *
 * Everything it does, a user could type: the commands are printed before they run. It leaves the clusters running, so
 * that one can look around; `-- --down` removes them. With `-- --discover` the clusters find each other by DNS, and rome accepts.
 */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Json, openBed, type TestCluster, until } from '../e2e/bed.ts';
import { peerByDiscovery } from './peer-by-discovery.ts';

const root = resolve(import.meta.dirname, '../..');
const NAMESPACE = 'shop';
const DEPLOYMENT = 'web';
const AGNHOST = 'tombolo.test/agnhost:1';
const BUSYBOX = 'tombolo.test/busybox:1';

function testbed(...args: string[]): Promise<number> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [join(root, 'tests/testbed/main.ts'), ...args], {
      cwd: root,
      stdio: 'inherit',
    });
    child.once('error', fail);
    child.once('exit', (code) => done(code ?? 1));
  });
}

const say = (text: string) => process.stdout.write(`${text}\n`);

/** Prints a step with the time it took. */
async function step<T>(words: string, run: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await run();
  say(`  ✓ ${words} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return result;
}

function command(text: string): void {
  say(`\n$ ${text}`);
}

async function tombolo(cluster: TestCluster, args: string[]): Promise<string> {
  command(`tombolo ${args.join(' ')}   # on ${cluster.name}`);
  const outcome = await cluster.tombolo(args);
  if (outcome.code !== 0) throw new Error(`tombolo ${args[0]}: exit ${outcome.code}: ${outcome.stderr.trim()}`);
  return outcome.stdout;
}

/** The story, once they are peered: label, deploy, look. */
async function tell(milan: TestCluster, rome: TestCluster): Promise<void> {
  await step('node rome is Ready', () =>
    until(
      'node rome is Ready',
      async () =>
        (await milan.find('get node rome'))?.['status'].conditions?.some(
          (entry: Json) => entry['type'] === 'Ready' && entry['status'] === 'True',
        ),
      60_000,
    ),
  );
  say(await milan.kubectl('get nodes'));

  command(`kubectl create namespace ${NAMESPACE} && kubectl label namespace ${NAMESPACE} tombolo.io/offload=true`);
  await milan.apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE, labels: { 'tombolo.io/offload': 'true' } },
  });
  command(
    `kubectl -n ${NAMESPACE} create deployment ${DEPLOYMENT} --image ${AGNHOST} --replicas 4 -- /agnhost netexec`,
  );
  if ((await milan.find(['-n', NAMESPACE, 'get', 'deployment', DEPLOYMENT])) === undefined) {
    await milan.kubectl([
      '-n',
      NAMESPACE,
      'create',
      'deployment',
      DEPLOYMENT,
      '--image',
      AGNHOST,
      '--replicas',
      '4',
      '--',
      '/agnhost',
      'netexec',
    ]);
  }
  await step('all four pods run', () =>
    milan.kubectl(['-n', NAMESPACE, 'rollout', 'status', `deployment/${DEPLOYMENT}`, '--timeout=120s'], {
      timeoutMs: 130_000,
    }),
  );

  const pods = (await milan.json(['-n', NAMESPACE, 'get', 'pods', '-l', `app=${DEPLOYMENT}`]))['items'] as Json[];
  say('\nWhich pod runs where, as milan sees it:');
  for (const pod of pods)
    say(`  ${pod['metadata'].name.padEnd(28)} ${pod['status'].phase.padEnd(9)} node ${pod['spec'].nodeName}`);
  const remote = pods.find((pod) => pod['spec'].nodeName === 'rome');
  if (remote === undefined) throw new Error('no pod was placed on rome: look at `kubectl -n shop describe pods`');

  const twin = `${NAMESPACE}-milan`;
  say(`\nThe same pods on rome, in the twin namespace ${twin}:`);
  say(await rome.kubectl(['-n', twin, 'get', 'pods', '-o', 'wide']));
  command(`kubectl -n ${NAMESPACE} exec ${remote['metadata'].name} -- hostname`);
  say(await milan.kubectl(['-n', NAMESPACE, 'exec', remote['metadata'].name, '--', 'hostname']));
  command(`kubectl -n ${NAMESPACE} logs ${remote['metadata'].name}`);
  say(await milan.kubectl(['-n', NAMESPACE, 'logs', remote['metadata'].name]));
  await callAcross(milan, rome);
  say(await tombolo(milan, ['verify', 'rome']));
  say(
    `One label, and ${pods.filter((pod) => pod['spec'].nodeName === 'rome').length} of ${pods.length} pods of milan run on rome.`,
  );
}

/** One Service over pods of both clusters, called until each cluster has answered; both have the same range of pod addresses. */
async function callAcross(milan: TestCluster, rome: TestCluster): Promise<void> {
  await step('the tunnel between the clusters is up', () =>
    until(
      'NetworkReady',
      async () => {
        const { conditions = [] } = (await milan.json('get peer rome'))['status'];
        return conditions.some((entry: Json) => entry['type'] === 'NetworkReady' && entry['status'] === 'True');
      },
      60_000,
    ),
  );
  const ranges = await Promise.all(
    [milan, rome].map(async (cluster) => (await cluster.json('get clusternetwork cluster'))['spec'].podRanges[0]),
  );
  say(`Pods of milan have ${ranges[0]}, pods of rome ${ranges[1]}.`);
  command(`kubectl -n ${NAMESPACE} expose deployment ${DEPLOYMENT} --port 80 --target-port 8080`);
  if ((await milan.find(['-n', NAMESPACE, 'get', 'service', DEPLOYMENT])) === undefined) {
    const expose = ['expose', 'deployment', DEPLOYMENT, '--port', '80', '--target-port', '8080'];
    await milan.kubectl(['-n', NAMESPACE, ...expose]);
  }
  const script = `for i in 1 2 3 4 5 6 7 8; do wget -qO- http://${DEPLOYMENT}/hostname; echo; done`;
  const client = ['run', 'client', '--rm', '-i', '--quiet', '--restart', 'Never', '--image', BUSYBOX];
  command(`kubectl -n ${NAMESPACE} ${client.join(' ')} -- sh -c '${script}'`);
  await milan.kubectl(['-n', NAMESPACE, 'delete', 'pod', 'client', '--ignore-not-found']);
  const answers = await until(
    'answers from pods of both clusters',
    async () => {
      const said = await milan.kubectl(['-n', NAMESPACE, ...client, '--', 'sh', '-c', script]);
      const names = [...new Set(said.split('\n').filter((line) => line.startsWith(DEPLOYMENT)))];
      const nodes = await Promise.all(
        names.map(async (name) => (await milan.json(['-n', NAMESPACE, 'get', 'pod', name]))['spec'].nodeName as string),
      );
      const lines = names.map((name, index) => `  ${name} on ${nodes[index] ?? ''}`);
      return nodes.includes('rome') && nodes.some((node) => node !== 'rome') && lines;
    },
    60_000,
  );
  say(`Who answered:\n${answers.join('\n')}\n`);
}

async function main(): Promise<number> {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({ options: { down: flag, discover: flag } });
  if (values.down) return await testbed('down');
  const up = await testbed('up', '--clusters', 'milan,rome');
  if (up !== 0) return up;
  const bed = openBed(join(root, '.testbed'));
  const [milan, rome] = [bed.cluster('milan'), bed.cluster('rome')];
  if (values.discover) await peerByDiscovery(bed, milan, rome, { say, step, tombolo });
  else {
    await step('milan and rome are peered', () =>
      tombolo(milan, ['peer', '--remote-kubeconfig', rome.kubeconfig, '--name', 'rome']),
    );
  }
  await tell(milan, rome);
  say(`
Look around:
  export KUBECONFIG=${join(bed.folder, 'milan/kubeconfig')} PATH=${join(bed.folder, 'bin')}:$PATH
  kubectl get nodes; kubectl -n ${NAMESPACE} get pods -o wide; tombolo status; tombolo verify rome
Remove everything: npm run demo -- --down`);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(
    `demo: ${error instanceof Error ? error.message : String(error)}\nRun it again: it goes on where it stopped.\n`,
  );
  process.exitCode = 1;
}
