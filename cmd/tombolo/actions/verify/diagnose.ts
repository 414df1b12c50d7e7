import { type Line, otherSide, type Side, sideOf } from './matrix.ts';

/** The part of the way that does not carry packets. */
export type Hop = 'tunnel' | 'address' | 'overlay' | 'mtu' | 'anchor' | 'service' | 'filter' | 'pods';

export interface Problem {
  readonly hop: Hop;
  readonly message: string;
}

/** How lines of one sender to one receiver went. `filter`: some protocols did, in all sizes, others did not. */
type Verdict = 'fine' | 'none' | 'large' | 'filter' | 'untried';

/**
 * Which hop fails, from the lines of a matrix. A hop that others stand on is named alone: where no pod is reached, nothing is
 * said of Services and hosts in that direction. Pure.
 */
export function diagnose(lines: readonly Line[], peer: string): Problem[] {
  const silent = lines.filter((line) => line.bytes === 0 && line.result === 'failed');
  const pods = [...new Set(silent.map(({ from, why }) => `${from}: ${why}`))];
  const tried = lines.filter((line) => line.bytes > 0);
  const ways = [...direction('there', tried, peer), ...direction('here', tried, peer)];
  // Every payload comes back: where large ones are lost on one way only, they are lost for both askers.
  const mtu = ways.find(({ hop }) => hop === 'mtu');
  return [
    ...pods.map((message): Problem => ({ hop: 'pods', message })),
    ...(mtu === undefined ? [] : [mtu]),
    ...ways.filter(({ hop }) => hop !== 'mtu'),
  ];
}

function direction(side: Side, all: readonly Line[], peer: string): Problem[] {
  const other = otherSide(side);
  const where = side === 'there' ? `to ${peer}` : `from ${peer}`;
  const lines = all.filter((line) => sideOf(line.to) === side);
  const between = (from: string, to: string) => verdictOf(lines.filter((line) => line.from === from && line.to === to));
  const podToPod = between(`pod ${other}`, `pod ${side}`);
  if (podToPod === 'none') {
    const look = 'look at the pods tombolo-agent of both clusters and at NetworkPolicies';
    const message = `${where}: the gateways answer each other, but no packet reaches a pod ${side}; ${look}`;
    return [{ hop: 'overlay', message }];
  }
  const hostToPod = between(`host ${other}`, `pod ${side}`);
  const verdicts = [podToPod, hostToPod];
  const services = [between(`pod ${other}`, `Service ${side}`), between(`host ${other}`, `Service ${side}`)];
  const problems: Problem[] = [];
  if ([...verdicts, ...services].includes('large')) {
    const look = 'a hop there or back carries smaller packets than it says; look at the MTU of nodes and gateways';
    problems.push({ hop: 'mtu', message: `${peer}: small packets arrive, large ones do not; ${look}` });
  }
  if (hostToPod === 'none') {
    const look = `look whether each node there has the annotation tombolo.io/anchor-address`;
    problems.push({ hop: 'anchor', message: `${where}: pods reach pods, but the host ${other} does not; ${look}` });
  }
  if (services[0] === 'none' || (services[1] === 'none' && hostToPod !== 'none')) {
    const look = `look at the EndpointSlices of that Service and at kube-proxy of the cluster ${other}`;
    problems.push({ hop: 'service', message: `${where}: pods are reached, but not by the name of a Service; ${look}` });
  }
  if ([...verdicts, ...services].includes('filter')) {
    const lost = [...new Set(lines.filter((line) => line.result === 'failed').map(({ protocol }) => protocol))];
    const look = 'look at firewalls and NetworkPolicies';
    problems.push({ hop: 'filter', message: `${where}: ${lost.join(', ')} does not arrive always; ${look}` });
  }
  return problems;
}

function verdictOf(all: readonly Line[]): Verdict {
  const lines = all.filter((line) => line.result !== 'skipped');
  const failed = lines.filter((line) => line.result === 'failed');
  if (lines.length === 0) return 'untried';
  if (failed.length === 0) return 'fine';
  if (failed.length === lines.length) return 'none';
  const isSmallFine = (line: Line): boolean =>
    lines.some(({ protocol, bytes, result }) => protocol === line.protocol && bytes < line.bytes && result === 'ok');
  return failed.every(isSmallFine) ? 'large' : 'filter';
}
