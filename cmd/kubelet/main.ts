import { main } from '#pkg/runtime';
import { buildKubelet } from './build.ts';
import { parseFlags } from './flags.ts';

main('tombolo-kubelet', async (signal) => {
  const flags = parseFlags(process.argv.slice(2), process.env);
  await buildKubelet(flags).run(signal);
});
