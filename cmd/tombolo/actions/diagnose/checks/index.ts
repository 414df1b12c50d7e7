import type { Facts } from '../facts.ts';
import type { Judgement } from '../finding.ts';
import { judgeCertificates } from './certificates.ts';
import { judgeClocks } from './clocks.ts';
import { judgeCredentials } from './credentials.ts';
import { judgePathMtu } from './path-mtu.ts';
import { judgeProcesses } from './processes.ts';
import { judgeSymptoms } from './symptoms.ts';
import { judgeTcp } from './tcp.ts';
import { judgeUdp } from './udp.ts';
import { judgeWebhook } from './webhook.ts';

/** One look at one thing. Checks know nothing of each other: what follows from what is decided by the fault tree. Pure. */
export interface Check {
  readonly name: string;
  readonly judge: (facts: Facts) => Judgement;
}

export const CHECKS: readonly Check[] = [
  { name: 'processes of this cluster', judge: judgeProcesses },
  { name: 'webhook', judge: judgeWebhook },
  { name: 'certificates of virtual nodes', judge: judgeCertificates },
  { name: 'clocks', judge: judgeClocks },
  { name: 'names and TCP', judge: judgeTcp },
  { name: 'credentials', judge: judgeCredentials },
  { name: 'tunnel (UDP)', judge: judgeUdp },
  { name: 'packet size', judge: judgePathMtu },
  { name: 'everything that status knows', judge: judgeSymptoms },
];
