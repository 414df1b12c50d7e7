/** avahi, the mDNS responder of Debian, as one more host on the link of the bed: neither our code nor our library. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages } from '../../testbed/prerequisites.ts';
import { progress } from '../../testbed/progress.ts';
import { type Bed, until } from '../bed.ts';
import { linkHost } from './link-host.ts';

export interface Avahi extends AsyncDisposable {
  readonly address: string;
  /** Lines of `avahi-browse --resolve --parsable` for our service; only the resolved ones. */
  browse(): Promise<string[]>;
  /** Publishes a service of ours until it is disposed; then avahi says goodbye. */
  publish(name: string, port: number, txt: readonly string[]): AsyncDisposable;
}

/** Starts it on a host of its own, with a bus of its own. */
export async function avahi(bed: Bed): Promise<Avahi> {
  await ensurePackages(['avahi-daemon', 'avahi-utils', 'dbus'], {
    progress: progress((line) => void process.stderr.write(line)),
    signal: new AbortController().signal,
  });
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'tombolo-avahi-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const host = stack.use(await linkHost(bed, 'avahi'));

  const bus = join(folder, 'bus');
  await writeFile(
    join(folder, 'dbus.conf'),
    `<busconfig><type>system</type><listen>unix:path=${bus}</listen><auth>EXTERNAL</auth><policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`,
  );
  await writeFile(
    join(folder, 'avahi.conf'),
    '[server]\nhost-name=avahi-host\nuse-ipv4=yes\nuse-ipv6=no\nallow-interfaces=eth0\nratelimit-interval-usec=0\n[publish]\npublish-workstation=no\n',
  );
  await mkdir(join(folder, 'services'));
  const env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${bus}` };
  const dbus = host.start('dbus-daemon', ['--nofork', `--config-file=${join(folder, 'dbus.conf')}`], env);
  // Its folders of services and of its socket are the machine's: it gets others, in a mount namespace of its own.
  const script = [
    'mkdir -p /run/avahi-daemon',
    'mount -t tmpfs none /run/avahi-daemon',
    `mount --bind ${join(folder, 'services')} /etc/avahi/services`,
    `exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f ${join(folder, 'avahi.conf')}`,
  ].join(' && ');
  const waiting = `n=0; until [ -S ${bus} ] || [ $n -ge 100 ]; do sleep 0.1; n=$((n + 1)); done; ${script}`;
  const daemon = host.start('unshare', ['--mount', 'sh', '-c', waiting], env);

  const resolved = ['--resolve', '--parsable', '--terminate', '--no-db-lookup', '_tombolo._tcp'];
  const isUp = async () => (await host.call('avahi-browse', ['--all', '--terminate'], env)).code === 0;
  await until('avahi answers', isUp, 30_000).catch((cause: unknown) => {
    throw new Error(`avahi does not come up: ${dbus.said()}${daemon.said()}`, { cause });
  });
  const owned = stack.move();
  return {
    address: host.address,
    async browse() {
      const { stdout } = await host.call('avahi-browse', resolved, env);
      return stdout.split('\n').filter((line) => line.startsWith('='));
    },
    publish: (name, port, txt) =>
      host.start('avahi-publish', ['--service', name, '_tombolo._tcp', String(port), ...txt], env),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
