import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { call, type Json, type Outcome, until } from './bed.ts';
import { offload, remotePod, sleeper, test } from './fixtures.ts';

describe('command line', () => {
  test('CLI-01 install again changes nothing and exits 0', async ({ milan, peered: _ }) => {
    const before = (await milan.json('-n tombolo-system get deployments'))['items'].map(
      (item: { metadata: { generation: number } }) => item.metadata.generation,
    );
    const outcome = await milan.tombolo(['install', '--cluster-name', 'milan', '--image', 'tombolo.test/tombolo:dev']);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    expect(
      (await milan.json('-n tombolo-system get deployments'))['items'].map(
        (item: { metadata: { generation: number } }) => item.metadata.generation,
      ),
    ).toEqual(before);
  });

  test('CLI-04 CLI-05 CLI-10 status: result on stdout, no colour, JSON with stable keys, nothing green that is not', async ({
    milan,
    peered: _,
  }) => {
    const text = await milan.tombolo('status');
    expect(text, text.stderr).toMatchObject({ code: 0 });
    expect(text.stdout).toContain('rome');
    expect(text.stdout).not.toContain('\u001b[');
    const json = JSON.parse((await milan.tombolo('status rome -o json')).stdout);
    expect(JSON.stringify(json)).toContain('ApiReachable');
    // Earlier files stop controllers: what they left unverified is seen again within a round of checks.
    const green = async () => {
      const now = await milan.tombolo('status --check');
      if (now.code !== 0) throw new Error(now.stdout);
      return true;
    };
    await until('green', green, 40_000);
    const replicas = (await milan.json('-n tombolo-system get deployment tombolo-controller'))['spec'].replicas;
    await milan.kubectl('-n tombolo-system scale deployment tombolo-controller --replicas 0');
    try {
      const outcome = await until(
        'status is not green with our controller down',
        async () => {
          const now = await milan.tombolo('status --check');
          return now.code === 4 && now;
        },
        60_000,
      );
      expect(outcome.stdout).toContain('rome');
    } finally {
      await milan.kubectl(`-n tombolo-system scale deployment tombolo-controller --replicas ${replicas}`);
      await milan.kubectl('-n tombolo-system rollout status deployment/tombolo-controller --timeout=90s', {
        timeoutMs: 100_000,
      });
    }
    await until('green again', green, 40_000);
  });

  test('CLI-06 CLI-09 wrong use is one sentence within 10 s, with the four parts in JSON', async ({
    bed,
    milan,
    peered: _,
  }) => {
    const binary = join(bed.folder, 'bin/tombolo');
    const cases: [string[], RegExp, number][] = [
      [['status', '--kubeconfig', '/nowhere/kubeconfig'], /\/nowhere\/kubeconfig/, 1],
      [['status', '--kubeconfig', milan.kubeconfig, '--context', 'nope'], /nope/, 1],
      [['status', 'rom', '--kubeconfig', milan.kubeconfig], /rome/, 1],
      [['status', '--kubeconfg', milan.kubeconfig], /--kubeconfig/, 2],
      [['peer', '--remote-kubeconfig', '/nowhere/rome', '--kubeconfig', milan.kubeconfig], /\/nowhere\/rome/, 1],
      [['peer', '--resources', 'cpu=much', '--remote-kubeconfig', 'x', '--kubeconfig', milan.kubeconfig], /much/, 2],
    ];
    for (const [args, sentence, code] of cases) {
      const started = performance.now();
      const outcome = await call(binary, args);
      expect(outcome.code, args.join(' ')).toBe(code);
      expect(outcome.stderr).toMatch(sentence);
      expect(performance.now() - started).toBeLessThan(10_000);
    }
    const json = await call(binary, ['status', 'nobody', '--kubeconfig', milan.kubeconfig, '-o', 'json']);
    const document = JSON.parse(json.stdout);
    const error = document.error ?? document;
    expect(Object.keys(error)).toEqual(expect.arrayContaining(['code', 'attempted', 'where', 'why', 'next']));
    const unreachable = join(bed.folder, 'unreachable.kubeconfig');
    await writeFile(
      unreachable,
      (await milan.kubectl('config view --raw')).replace(/server: .*/, 'server: https://127.0.0.1:1'),
    );
    const away = await call(binary, ['status', '--kubeconfig', unreachable]);
    expect(away.code).not.toBe(0);
    expect(away.stderr).toMatch(/127\.0\.0\.1:1/);
  });

  test('CLI-07 --timeout ends with 3 and the step that was waited for', async ({ milan, rome, peered: _ }) => {
    const started = performance.now();
    const name = `slow-${process.pid.toString(36)}`;
    await rome.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${name}-milan` } });
    await milan.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const outcome = await milan.tombolo(['offload', name, '--timeout', '4s']);
    expect([1, 3]).toContain(outcome.code);
    expect(performance.now() - started).toBeLessThan(12_000);
    await milan.try(['delete', 'namespace', name, '--wait=false']);
    await rome.try(['delete', 'namespace', `${name}-milan`, '--wait=false']);
  });

  test('CLI-12 CLI-13 offload and unoffload: result per peer; no terminal and no --yes is 2', async ({
    milan,
    rome,
    peered: _,
  }) => {
    const name = `cli-${process.pid.toString(36)}`;
    await milan.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const on = await milan.tombolo(['offload', name]);
    expect(on, on.stderr).toMatchObject({ code: 0 });
    expect(on.stdout).toContain('rome');
    const shop = await offload(milan, rome, name);
    await shop.create(remotePod('bare', { containers: [sleeper()] }));
    await shop.podInPhase('bare', 'Running');
    const asked = await milan.tombolo(['unoffload', name]);
    expect(asked.code).toBe(2);
    expect(asked.stderr + asked.stdout).toContain('bare');
    expect((await shop.pod('bare'))?.['status'].phase).toBe('Running');
    const off = await milan.tombolo(['unoffload', name, '--yes']);
    expect(off, off.stderr).toMatchObject({ code: 0 });
    expect(await rome.find(['get', 'namespace', shop.twin])).toBeUndefined();
    await milan.try(['delete', 'namespace', name, '--wait=false']);
  });

  test('CLI-08 CLI-14 --wait=false returns when the wish is written and says what to watch; cordon shows what still runs', async ({
    milan,
    rome,
    peered: _,
  }) => {
    const name = `later-${process.pid.toString(36)}`;
    const [consumer] = (await rome.json('get peers'))['items'].map((item: Json) => item['metadata'].name);
    /** Runs the `kubectl …` that the output names. */
    const watch = async (outcome: Outcome) => {
      expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
      const command = /To watch: `kubectl (.*)`/.exec(outcome.stdout)?.[1];
      expect(command, outcome.stdout).toBeDefined();
      return await milan.kubectl(`${command} --timeout=30s`);
    };
    await milan.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    expect(await watch(await milan.tombolo(['offload', name, '--wait=false']))).toContain('condition met');
    const shop = await offload(milan, rome, name);
    try {
      await shop.create(remotePod('web', { containers: [sleeper()] }));
      await shop.podInPhase('web', 'Running');
      const cordoned = await rome.tombolo(['cordon', consumer]);
      expect(cordoned, cordoned.stderr).toMatchObject({ code: 0 });
      // Pods of other namespaces may still be there, and what is used is counted a moment later.
      expect(cordoned.stdout).toMatch(new RegExp(`Still running:\n +rome: [^]* pod ${shop.twin}/web`));
      const grant = async () => (await rome.json(`-n tombolo-tenant-${consumer} get grant rome`))['spec'].cordoned;
      expect(await grant()).toBe(true);
      expect((await rome.tombolo(['uncordon', consumer, '-o', 'json'])).code).toBe(0);
      expect(await grant()).toBe(false);
    } finally {
      await rome.tombolo(['uncordon', consumer]);
    }
    await watch(await milan.tombolo(['unoffload', name, '--yes', '--wait=false']));
    expect(await milan.find(`-n ${name} get offloading offloading`)).toBeUndefined();
    const again = await milan.tombolo(`peer --remote-kubeconfig ${rome.kubeconfig} --name rome --no-wait`);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    await milan.try(['delete', 'namespace', name, '--wait=false']);
  });
});
