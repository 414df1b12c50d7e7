import { main } from '#pkg/runtime';
import { buildAgent } from './build.ts';
import { parseFlags } from './flags.ts';

main('tombolo-agent', async (signal) => {
  const flags = parseFlags(process.argv.slice(2), process.env);
  await buildAgent(flags).run(signal);
});
