import { main } from '#pkg/runtime';
import { buildController } from './build.ts';
import { parseFlags } from './flags.ts';

main('tombolo-controller', async (signal) => {
  const flags = parseFlags(process.argv.slice(2), process.env);
  await buildController(flags).run(signal);
});
