/**
 * `npm run demo`: the main job on two real clusters of this machine, told in a few lines.
 *
 * Everything it does, a user could type: the commands are printed before they run. It leaves the clusters running, so
 * that one can look around; `-- --down` removes them.
 */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Json, openBed, type TestCluster, until } from '../e2e/bed.ts';

const root = resolve(import.meta.dirname, '../..');
const NAMESPACE = 'shop';
const DEPLOYMENT = 'web';
const AGNHOST = 'tombolo.test/agnhost:1';

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

/** The story: peer, label, deploy, look. @returns the pods by node */
async function tell(milan: TestCluster, rome: TestCluster): Promise<void> {
  await step('milan and rome are peered', () =>
    tombolo(milan, ['peer', '--remote-kubeconfig', rome.kubeconfig, '--name', 'rome']),
  );
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
  say(
    `One label, and ${pods.filter((pod) => pod['spec'].nodeName === 'rome').length} of ${pods.length} pods of milan run on rome.`,
  );
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { down: { type: 'boolean', default: false } } });
  if (values.down) return await testbed('down');
  const up = await testbed('up', '--clusters', 'milan,rome');
  if (up !== 0) return up;
  const bed = openBed(join(root, '.testbed'));
  await tell(bed.cluster('milan'), bed.cluster('rome'));
  say(`
Look around:
  export KUBECONFIG=${join(bed.folder, 'milan/kubeconfig')} PATH=${join(bed.folder, 'bin')}:$PATH
  kubectl get nodes; kubectl -n ${NAMESPACE} get pods -o wide; tombolo status
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
