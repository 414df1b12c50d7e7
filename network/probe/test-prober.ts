/**
 * A program for tests: one prober, to be run in a namespace. Arguments: own address, port, address of the peer. Prints a
 * line for each change, and ends with its input.
 */
import { silentLog } from '#pkg/runtime';
import { startProber } from './index.ts';

const [address = '', port = '', peer = ''] = process.argv.slice(2);
const stop = new AbortController();
const prober = startProber(
  {
    address,
    port: Number(port),
    log: silentLog,
    onChange: (_, state) => console.log(state),
    onMissed: () => {},
  },
  stop.signal,
);
prober.setTargets(new Map([['peer', peer]]));
process.stdin.on('end', () => stop.abort()).resume();
await prober.ended;
