import { fileURLToPath } from 'node:url';
import { readTcp, readUdp } from './iperf.ts';
import { type Place, runIn } from './place.ts';

/** What is compared: pods through Tombolo, their nodes through wireguard-go alone, their nodes without any tunnel. */
export const PATHS = ['tombolo', 'raw', 'veth'] as const;
export type Path = (typeof PATHS)[number];

/** In the order in which they are measured. */
export const TESTS = ['tcp1', 'tcp4', 'tcp16', 'udp', 'latency', 'http'] as const;

/** Gbit/s and CPU seconds per Gbit with 1, 4 and 16 flows; 64-byte datagrams/s that arrive; ms; HTTP requests/s. */
export type Sample = Partial<
  Record<'tcp1' | 'tcp4' | 'tcp16' | 'cpu1' | 'cpu4' | 'cpu16' | 'udp' | 'p50Ms' | 'p99Ms' | 'http', number>
>;

export interface Route {
  readonly client: Place;
  readonly server: Place;
  /** Of the server, as the client dials it. */
  readonly address: string;
}

export interface Conditions {
  readonly seconds: number;
  /** CPU seconds that the clusters have used so far, beyond what they use when idle. */
  cpuSeconds(): Promise<number>;
  readonly signal: AbortSignal;
}

const IPERF_PORT = 5_201;
const ECHO_PORT = 5_202;
const HTTP_PORT = 5_203;
const HTTP_CONNECTIONS = 16;
/** For starting and ending programs on a busy machine. */
const GRACE_MS = 60_000;
/** Longer than any benchmark. */
const SERVER_MS = 24 * 3_600_000;
const LOAD = [process.execPath, fileURLToPath(import.meta.resolve('./load.ts'))];

/** Starts the servers of all tests in `place`; closing the result ends them. */
export function serve(place: Place, signal: AbortSignal): AsyncDisposable {
  const stop = new AbortController();
  const options = { signal: AbortSignal.any([signal, stop.signal]), timeoutMs: SERVER_MS };
  const servers = Promise.allSettled([
    runIn(place, ['iperf3', '--server', '--port', `${IPERF_PORT}`, '--logfile', '/dev/null'], options),
    runIn(place, [...LOAD, 'serve', `${ECHO_PORT}`, `${HTTP_PORT}`], options),
  ]);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await servers;
    },
  };
}

/** One measurement on one path. @throws CommandError, Error with what the program says */
export async function measureOnce(
  test: (typeof TESTS)[number],
  { client, address }: Route,
  { seconds, cpuSeconds, signal }: Conditions,
): Promise<Sample> {
  const options = { signal, timeoutMs: seconds * 1000 + GRACE_MS, acceptExitCodes: [0, 1] };
  const iperf = async (...more: string[]): Promise<string> => {
    const common = ['--client', address, '--port', `${IPERF_PORT}`, '--time', `${seconds}`, '--json', ...more];
    return (await runIn(client, ['iperf3', ...common], options)).stdout;
  };
  const load = async (...args: string[]): Promise<Record<string, number>> => {
    const { stdout } = await runIn(client, [...LOAD, ...args], { ...options, acceptExitCodes: [0] });
    return JSON.parse(stdout) as Record<string, number>;
  };
  switch (test) {
    case 'tcp1':
    case 'tcp4':
    case 'tcp16': {
      const flows = test.slice('tcp'.length) as '1' | '4' | '16';
      const before = await cpuSeconds();
      const { gbit, gbitPerSecond } = readTcp(await iperf('--parallel', flows));
      return { [test]: gbitPerSecond, [`cpu${flows}`]: ((await cpuSeconds()) - before) / gbit };
    }
    case 'udp':
      return { udp: readUdp(await iperf('--udp', '--length', '64', '--bitrate', '0')) };
    case 'latency': {
      const { p50Ms, p99Ms } = await load('latency', address, `${ECHO_PORT}`, `${seconds}`);
      if (p50Ms === undefined || p99Ms === undefined) throw new Error('no byte came back');
      return { p50Ms, p99Ms };
    }
    case 'http': {
      const { perSecond } = await load('http', address, `${HTTP_PORT}`, `${seconds}`, `${HTTP_CONNECTIONS}`);
      return perSecond === undefined ? {} : { http: perSecond };
    }
  }
}
