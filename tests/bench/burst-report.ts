import type { BurstReport } from './burst.ts';
import { table } from './table.ts';

/** The figures as a table. */
export function renderBurst(report: BurstReport): string {
  const number = (value: number, digits = 1) => value.toFixed(digits);
  const rows = report.sizes.map((size) => {
    const { direct, tombolo } = size.median;
    return [
      String(size.pods),
      number(direct.seconds),
      number(tombolo.seconds),
      number(tombolo.seconds / direct.seconds, 2),
      number(direct.cpuSeconds),
      number(tombolo.cpuSeconds),
      number(tombolo.cpuSeconds / direct.cpuSeconds, 2),
      number(tombolo.ownCpuSeconds),
      number(direct.providerRequestsPerPod),
      number(tombolo.providerRequestsPerPod),
      number(tombolo.ownProviderRequestsPerPod),
      number(tombolo.homeRequestsPerPod),
      number(tombolo.kubeletPeakMiB, 0),
      number(tombolo.controllerPeakMiB, 0),
    ];
  });
  const head = [
    'pods',
    'direct s',
    'tombolo s',
    'ratio',
    'direct CPU s',
    'tombolo CPU s',
    'ratio',
    'ours CPU s',
    'req/pod direct',
    'req/pod provider',
    'of them ours',
    'req/pod home',
    'kubelet MiB',
    'controller MiB',
  ];
  return `${table(head, rows)}\nmedian of ${report.rounds} alternated rounds; idle: ${number(report.idlePercentOfCore, 2)} % of a core for our processes, ${number(report.idlePercentOfBusiest, 2)} % for the busiest\n`;
}
