import { main } from '#pkg/runtime';
import { buildGateway } from './build.ts';
import { parseFlags } from './flags.ts';

main('tombolo-gateway', async (signal) => {
  const flags = parseFlags(process.argv.slice(2), process.env);
  await buildGateway(flags).run(signal);
});
