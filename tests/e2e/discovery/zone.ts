/** A DNS zone served by a real CoreDNS beside the clusters, for tests of discovery. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dnsResolver } from '#pkg/discovery';
import { cacheFolder } from '../../testbed/cache-folder.ts';
import { ensureComponent } from '../../testbed/components.ts';
import { progress } from '../../testbed/progress.ts';

export interface Zone extends AsyncDisposable {
  /** `ADDRESS:PORT` */
  readonly resolver: string;
  /** Replaces all records but SOA and NS; resolves when the server answers with them. */
  set(lines: readonly string[]): Promise<void>;
}

/** CoreDNS reads a changed file this often. */
const RELOAD = '200ms';
const START_MS = 20_000;

/**
 * Serves `domain` on `address`, a free port that is asked for. Lines are as in a zone file: `_tombolo._tcp SRV 10 10 7443 rome`.
 * @throws Error with what CoreDNS said where it does not come up
 */
export async function serveZone(domain: string, address: string, port: number): Promise<Zone> {
  const context = {
    cache: cacheFolder(process.env),
    progress: progress((line) => void process.stderr.write(line)),
    signal: new AbortController().signal,
  };
  const program = await ensureComponent('coredns', context);
  const folder = await mkdtemp(join(tmpdir(), 'tombolo-zone-'));
  const file = join(folder, 'zone');
  let serial = 0;
  const write = async (lines: readonly string[]): Promise<void> => {
    const head = [
      `$ORIGIN ${domain}.`,
      '$TTL 1',
      `@ SOA ns.${domain}. admin.${domain}. ${++serial} 60 60 600 1`,
      '@ NS ns',
      `ns A ${address}`,
    ];
    await writeFile(`${file}.new`, [...head, `serial TXT "${serial}"`, ...lines, ''].join('\n'));
    await rename(`${file}.new`, file); // never half a zone
  };
  await write([]);
  await writeFile(
    join(folder, 'Corefile'),
    `.:${port} {\n  bind ${address}\n  errors\n  file ${file} ${domain} {\n    reload ${RELOAD}\n  }\n}\n`,
  );
  const child = spawn(program, ['-conf', join(folder, 'Corefile')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said = (said + chunk).slice(-4_000)));
  const ended = once(child, 'exit');
  const resolver = `${address}:${port}`;
  const serves = async (): Promise<void> => {
    const end = performance.now() + START_MS;
    while (performance.now() < end && child.exitCode === null) {
      const found = await dnsResolver(resolver)
        .txt(`serial.${domain}`)
        .catch(() => []); // not up yet
      if (found.some(([text]) => Buffer.from(text ?? []).toString() === String(serial))) return;
      await new Promise((next) => setTimeout(next, 50));
    }
    throw new Error(`CoreDNS does not serve ${domain} on ${resolver}: ${said}`);
  };
  /** Safe to call twice. */
  const stop = async (): Promise<void> => {
    child.kill();
    if (child.exitCode === null) await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await serves();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    resolver,
    async set(lines) {
      await write(lines);
      await serves();
    },
    [Symbol.asyncDispose]: stop,
  };
}
