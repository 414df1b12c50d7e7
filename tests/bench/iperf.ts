/** What iperf3 says at the end of a run, as far as it is read here. */
interface End {
  readonly error?: string;
  readonly end?: {
    readonly sum_received?: { readonly bits_per_second?: number; readonly bytes?: number };
    readonly sum?: { readonly packets?: number; readonly lost_packets?: number; readonly seconds?: number };
  };
}

export interface TcpResult {
  readonly gbitPerSecond: number;
  /** Received over the whole run. */
  readonly gbit: number;
}

/** Of a client's `--json` over TCP: what the server received. @throws Error with what iperf3 says of it */
export function readTcp(json: string): TcpResult {
  const { sum_received: received } = endOf(json);
  const { bits_per_second: bits, bytes } = received ?? {};
  if (bits === undefined || bytes === undefined) throw new Error('iperf3 says nothing of what was received');
  return { gbitPerSecond: bits / 1e9, gbit: (bytes * 8) / 1e9 };
}

/** Of a client's `--json --udp`: datagrams that arrived, per second. @throws Error with what iperf3 says of it */
export function readUdp(json: string): number {
  const { packets, lost_packets: lost, seconds } = endOf(json).sum ?? {};
  if (packets === undefined || lost === undefined || seconds === undefined || seconds <= 0)
    throw new Error('iperf3 says nothing of lost datagrams');
  return (packets - lost) / seconds;
}

function endOf(json: string): NonNullable<End['end']> {
  const { error, end } = JSON.parse(json) as End;
  if (error !== undefined || end === undefined) throw new Error(`iperf3: ${error ?? 'no summary'}`);
  return end;
}
