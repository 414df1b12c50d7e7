/** Everything that can be wrong, causes before what may follow from them: of two faults the earlier one is named first. */
export const FAULTS = {
  Unreadable: 'a fact cannot be read',
  ControllerDown: 'the controller, which serves the webhook, does not run',
  KubeletDown: 'our kubelet does not run',
  GatewayDown: 'our gateway does not run',
  ClockSkew: 'clocks differ',
  WebhookDown: 'the webhook does not answer',
  PeerControllerDown: 'the controller of the peer does not run',
  PeerGatewayDown: 'the gateway of the peer does not run',
  PeerAway: 'nothing of the peer answers',
  NameNotResolved: 'a name does not resolve',
  TcpBlocked: 'TCP does not get through',
  UdpBlocked: 'UDP does not get through',
  CredentialRevoked: 'the credential was revoked',
  CredentialExpired: 'the credential has expired',
  MtuHole: 'large packets are lost on the way',
  CertificateNotApproved: 'the certificate of a virtual node is not approved',
  NodeCut: 'a node does not reach peers',
  ProcessNotReady: 'a process is not ready',
  NotVerified: 'nobody verifies any more',
  ConditionNotGood: 'a condition is not good',
  NodeNotReady: 'a virtual node is not ready',
  NamespaceNotReady: 'an offloaded namespace is not ready',
} as const;

export type FaultCode = keyof typeof FAULTS;

/** One thing that is wrong, as one check sees it. */
export interface Finding {
  readonly code: FaultCode;
  /** Absent: it concerns this cluster, and so all peers. */
  readonly peer?: string;
  /** One sentence. */
  readonly message: string;
  /** Who does not get through, … */
  readonly from: string;
  /** … to what: an address, a Service or an object. */
  readonly to: string;
  readonly port?: number;
  readonly protocol?: 'TCP' | 'UDP';
  readonly next: string;
  /** What would have to be known to say more, and cannot be known from here. */
  readonly unknown?: string;
  /** For symptoms: what they are about (`NetworkReady`), so that only what concerns it explains them. */
  readonly about?: string;
}

/** What a check has found; neither findings nor unknown facts: it is well. */
export interface Judgement {
  readonly findings: readonly Finding[];
  /** What the check cannot know. No fault. */
  readonly unknown: readonly string[];
  /** What is as it may be, and still worth a look. No fault. */
  readonly notes?: readonly string[];
}

/** `host:port` or `[v6]:port`, taken apart; what is none of them is all host. */
export function target(address: string): { to: string; port?: number } {
  const [, host, port] = /^\[?([^\]]*)\]?:(\d{1,5})$/.exec(address) ?? [];
  return host === undefined ? { to: address } : { to: host, port: Number(port) };
}

/** Address of a URL: its port is that of the scheme where it names none. */
export function targetOfUrl(url: string): { to: string; port?: number } {
  const parsed = URL.parse(url);
  if (parsed === null) return { to: url };
  const port = parsed.port === '' ? (parsed.protocol === 'http:' ? 80 : 443) : Number(parsed.port);
  return { to: parsed.hostname.replace(/^\[|\]$/g, ''), port };
}
