/** A flood of made-up clusters on the link, and what it does to the processes that hear it. */
import { bedFolder } from '../../testbed/bed-folder.ts';
import { processesWith, resetPeaks } from '../../bench/process-usage.ts';
import type { Bed } from '../bed.ts';
import type { Speaker } from './speaker.ts';

/** Messages of one turn: senders, names and keys all differ. */
const TURN_MS = 100;

/** Says so many made-up clusters a second, from all addresses of the speaker in turn. @returns how many were said */
export async function flood(mouth: Speaker, perSecond: number, seconds: number): Promise<number> {
  const began = performance.now();
  const total = perSecond * seconds;
  let serial = 0;
  while (serial < total) {
    // By the clock and not by turns: a machine that stalls catches up.
    const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * perSecond));
    for (; serial < due; serial++) {
      const key = serial.toString(16).padStart(64, 'f');
      const labels = Array.from({ length: 16 }, (_, label) => `label.k${label}=${'v'.repeat(60)}`);
      const name = `flood-${serial}`;
      mouth.say(
        { name, txt: [`name=${name}`, `id=${key}`, ...labels] },
        mouth.addresses[serial % mouth.addresses.length],
      );
    }
    await new Promise((next) => setTimeout(next, TURN_MS));
  }
  return serial;
}

/** Greatest resident size of the agents and controllers of a cluster, MiB by process id, from the call of `begin` on. */
export async function memoryWatch(bed: Bed, clusterName: string) {
  const look = async () => {
    const all = await Promise.all(
      ['/app/agent.js', '/app/controller.js'].map((text) => processesWith(text, bedFolder(bed.folder).cgroup)),
    );
    return all.flat().filter(({ command }) => command.includes(`--cluster-name=${clusterName} `));
  };
  const running = await look();
  await resetPeaks(running);
  const before = new Map((await look()).map(({ pid, peakMiB }) => [pid, peakMiB]));
  return {
    /** Growth since then, by process; a process that was started anew has none. */
    async growth(): Promise<{ process: string; fromMiB: number; growthMiB: number }[]> {
      return (await look()).flatMap(({ pid, command, peakMiB }) => {
        const from = before.get(pid);
        const process = command.includes('/app/agent.js') ? 'agent' : 'controller';
        return from === undefined
          ? []
          : [{ process, fromMiB: Math.round(from), growthMiB: Math.round(peakMiB - from) }];
      });
    },
  };
}
