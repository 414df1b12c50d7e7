import { measureAll, measurementLines, readTargets, startReachServer } from '#network/reach';
import { main } from '#pkg/runtime';
import { parseFlags } from './flags.ts';

/** What the pods of `tombolo verify` run: a server, or a client that writes one line of JSON for each thing it tried. */
main('tombolo-verify', async (signal) => {
  const { mode, port, targets, patienceMs } = parseFlags(process.argv.slice(2));
  if (mode === 'serve') {
    const server = await startReachServer(port, signal);
    await server.ended;
    return;
  }
  process.stdout.write(measurementLines(await measureAll(readTargets(targets), { port, patienceMs, signal })));
});
