import { describe, expect, test } from 'vitest';
import type { Peer, PeerStatus } from '#pkg/api';
import type { CertificateSigningRequest, Pod } from '#pkg/kube';
import { judge } from '../status/judge.ts';
import { ago, condition, GOOD as STATUS, lease, ROME } from '../status/test-facts.ts';
import { diagnosisOf } from './diagnose.ts';
import type { Facts, RemoteFacts } from './facts.ts';
import type { Finding } from './finding.ts';
import { printDiagnosis } from './print.ts';
import { readyEndpoints, webhookAnswerOf } from './read.ts';

const KEY = 'ab'.repeat(32);

function pod(component: string, labels: Record<string, string> = {}): Pod {
  return {
    metadata: {
      name: `tombolo-${component}-1`,
      uid: component,
      labels: { 'tombolo.io/component': component, ...labels },
    },
    spec: { containers: [], nodeName: 'milan-1' },
    status: { hostIP: '198.18.0.2', conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

/** Conditions with those that are named changed. */
function conditions(...changed: NonNullable<PeerStatus['conditions']>): NonNullable<PeerStatus['conditions']> {
  const good = [...(ROME.status?.conditions ?? []), condition('NetworkReady', 'True', 'its gateway answers')];
  return good.map((entry) => changed.find(({ type }) => type === entry.type) ?? entry);
}

const bad = (type: string, reason: string, message: string) => ({
  ...condition(type, type === 'Degraded' ? 'True' : 'False', message),
  reason,
});

function peerWith(status: Partial<PeerStatus> = {}): Peer {
  return {
    ...ROME,
    status: {
      ...ROME.status,
      clockOffsetSeconds: 0,
      network: { endpoints: ['198.18.0.3:30820'], mtuBytes: 1_440 },
      tunnel: { endpoint: '198.18.0.3:30820', lastHandshakeAt: ago(30), mtuBytes: 1_440, ownMtuBytes: 1_440 },
      conditions: conditions(),
      ...status,
    },
  };
}

/** All is well, but for what is given. */
function facts(change: Partial<Omit<Facts, 'status' | 'view'>> & { status?: Partial<Facts['status']> } = {}): Facts {
  const { status: changed, ...own } = change;
  const peers = changed?.peers ?? [peerWith()];
  const virtual = STATUS.nodes.map((node) => ({
    ...node,
    status: {
      ...node.status,
      addresses: [{ type: 'InternalIP', address: '10.244.0.9' }],
      daemonEndpoints: { kubeletEndpoint: { Port: 10_260 } },
    },
  }));
  const status = { ...STATUS, nodes: virtual, ...changed, peers };
  return {
    status,
    view: judge(status),
    peers,
    clockOffsetMs: 0,
    pods: [pod('controller', { 'tombolo.io/leader': 'true' }), pod('kubelet'), pod('gateway')],
    gatewayLease: { metadata: { name: 'tombolo-gateway' }, spec: { holderIdentity: 'gateway', renewTime: ago(2) } },
    requests: [],
    webhook: { state: 'answers' },
    webhookEndpoints: 2,
    webhookConfigurations: {
      mutating: { metadata: { name: 'tombolo' } },
      validating: { metadata: { name: 'tombolo' } },
    },
    ...own,
  };
}

const notReady = (message: string, reason = 'Because') => ({
  virtualNodes: STATUS.virtualNodes,
  nodes: [
    { metadata: { name: 'rome' }, status: { conditions: [{ type: 'Ready', status: 'False', reason, message }] } },
  ],
});

const remote = (change: Partial<RemoteFacts> = {}): RemoteFacts => ({
  name: 'rome',
  clockOffsetMs: 0,
  info: { clusterName: 'rome', fingerprint: KEY, addresses: [] },
  processes: [],
  peers: [],
  ...change,
});

const BLOCKED = [
  {
    service: 'PeeringEndpoint' as const,
    address: '198.18.0.3:30443',
    reason: 'NoAnswer' as const,
    message: 'no answer within 3 s',
  },
];
const NO_UDP = bad('NetworkReady', 'NoAnswer', 'its gateway does not answer our gateway at 198.18.0.3:30820 (UDP)');

function request(status: CertificateSigningRequest['status'] = {}, seconds = 30): CertificateSigningRequest {
  return {
    metadata: { name: 'tombolo-rome-abcde', creationTimestamp: ago(seconds) },
    spec: {
      request: '',
      signerName: 'kubernetes.io/kubelet-serving',
      username: 'system:serviceaccount:tombolo-system:tombolo-kubelet',
    },
    status,
  };
}

/** One line for each cause: code, the way, and what follows. */
function seen(given: Facts): string[] {
  return diagnosisOf(given).causes.map(({ code, peer, from, to, port, protocol, consequences }) => {
    const way = `${from.replace(/ \(.*/, '')} > ${to}${port === undefined ? '' : `:${port}`} ${protocol ?? ''}`.trim();
    const follows = consequences.map((finding: Finding) => finding.about ?? finding.code).join(' ');
    return `${code}${peer === undefined ? '' : ` of ${peer}`} ${way}${follows === '' ? '' : ` => ${follows}`}`;
  });
}

describe('diagnosis', () => {
  test('finds nothing where all is well', () => {
    const { healthy, causes, unknown, checks } = diagnosisOf(facts());
    expect({ healthy, causes, unknown }).toEqual({ healthy: true, causes: [], unknown: [] });
    expect(checks.every(({ result }) => result === 'ok')).toBe(true);
  });

  test.each<[string, Facts, string]>([
    [
      'UDP is blocked',
      facts({ status: { peers: [peerWith({ conditions: conditions(NO_UDP) })], ...notReady('no tunnel') } }),
      'UdpBlocked of rome gateway of milan > 198.18.0.3:30820 UDP => NetworkReady NodeNotReady',
    ],
    [
      'the TCP port of the peering endpoint is blocked',
      facts({
        status: {
          peers: [peerWith({ unreachable: BLOCKED, conditions: conditions(bad('Degraded', 'PeerUnreachable', 'no')) })],
        },
      }),
      'TcpBlocked of rome controller of milan > 198.18.0.3:30443 TCP => Degraded',
    ],
    [
      'all TCP is blocked',
      facts({
        status: {
          peers: [
            peerWith({
              unreachable: [...BLOCKED, { ...BLOCKED[0]!, service: 'ApiServer', address: '198.18.0.3:6443' }],
              conditions: conditions(
                bad('ApiReachable', 'ApiUnreachable', 'no'),
                bad('Degraded', 'PeerUnreachable', 'no'),
              ),
            }),
          ],
          ...notReady('the API server does not answer'),
        },
      }),
      'TcpBlocked of rome controller of milan > 198.18.0.3:30443 TCP => ApiReachable Degraded NodeNotReady',
    ],
    [
      'a name does not resolve',
      facts({
        status: {
          peers: [
            peerWith({
              unreachable: [{ ...BLOCKED[0]!, address: 'rome.invalid:30443', reason: 'NameNotResolved' }],
              conditions: conditions(bad('Degraded', 'PeerUnreachable', 'no')),
            }),
          ],
        },
      }),
      'NameNotResolved of rome controller of milan > rome.invalid:30443 TCP => Degraded',
    ],
    [
      'the name of a gateway does not resolve',
      facts({
        status: {
          peers: [
            peerWith({
              network: { endpoints: ['gw.invalid:30820'] },
              tunnel: {},
              conditions: conditions(bad('NetworkReady', 'NameNotResolved', 'no')),
            }),
          ],
        },
      }),
      'NameNotResolved of rome gateway of milan > gw.invalid:30820 UDP => NetworkReady',
    ],
    [
      'the credential was revoked',
      facts({
        status: {
          peers: [peerWith({ conditions: conditions(bad('Authenticated', 'CredentialRefused', '401')) })],
          ...notReady('HTTP 401', 'CredentialRefused'),
        },
      }),
      'CredentialRevoked of rome controller of milan > 198.18.0.3:6443 TCP => Authenticated NodeNotReady',
    ],
    [
      'the kubelet alone has seen that the credential was revoked',
      facts({ status: notReady('HTTP 401', 'CredentialRefused') }),
      'CredentialRevoked of rome controller of milan > 198.18.0.3:6443 TCP => NodeNotReady',
    ],
    [
      'the clock of the peer is off',
      facts({
        status: {
          peers: [peerWith({ clockOffsetSeconds: 300, conditions: conditions(bad('Degraded', 'ClockSkew', 'off')) })],
        },
      }),
      'ClockSkew of rome controller of milan > 198.18.0.3:6443 TCP => Degraded',
    ],
    [
      'the API servers themselves show that clocks differ',
      facts({ clockOffsetMs: 60_000, remote: remote({ clockOffsetMs: 360_000 }) }),
      'ClockSkew of rome controller of milan > 198.18.0.3:6443 TCP',
    ],
    [
      'a node of ours has a clock that is ahead',
      facts({ status: { nodeLeases: [...STATUS.nodeLeases, lease('milan-2', -300)] } }),
      'ClockSkew node milan-2 > API server of milan TCP',
    ],
    [
      'large packets are lost on the way',
      facts({
        status: {
          peers: [peerWith({ tunnel: { endpoint: '198.18.0.3:30820', mtuBytes: 1_312, ownMtuBytes: 1_440 } })],
        },
      }),
      'MtuHole of rome gateway of milan > 198.18.0.3:30820 UDP',
    ],
    [
      'the API server does not reach the webhook',
      facts({ webhook: { state: 'silent', why: 'connection refused' } }),
      'WebhookDown API server of milan > tombolo-webhook.tombolo-system.svc:443 TCP',
    ],
    [
      'no pod stands behind the Service of the webhook, although an open connection still answers',
      facts({ webhookEndpoints: 0 }),
      'WebhookDown API server of milan > tombolo-webhook.tombolo-system.svc:443 TCP',
    ],
    [
      'the controller, and the webhook with it, does not run',
      facts({
        pods: [pod('kubelet'), pod('gateway')],
        webhook: { state: 'silent', why: 'no endpoints available' },
        requests: [request()],
        status: {
          processes: [{ name: 'tombolo-controller', isReady: false, words: 'scaled to 0: it does not run' }],
          leaderLease: lease('tombolo-controller', 60),
        },
      }),
      'ControllerDown API server of milan > Service tombolo-system/tombolo-webhook:443 TCP => WebhookDown CertificateNotApproved NotVerified',
    ],
    [
      'the certificate of a virtual node is not approved',
      facts({ requests: [request()] }),
      'CertificateNotApproved of rome kubelet of milan > node rome (10.244.0.9):10260 TCP',
    ],
    [
      'the gateway here does not run',
      facts({
        pods: [pod('controller'), pod('kubelet')],
        status: {
          processes: [{ name: 'tombolo-gateway', isReady: false, words: '0 of 2 ready' }],
          peers: [peerWith({ conditions: conditions(NO_UDP) })],
        },
      }),
      'GatewayDown pods of milan > pods of all peers => UdpBlocked NetworkReady',
    ],
    [
      'the gateway there does not run, as its cluster says',
      facts({
        remote: remote({ processes: [{ name: 'tombolo-gateway', isReady: false, words: '0 of 2 ready' }] }),
        status: { peers: [peerWith({ conditions: conditions(NO_UDP) })] },
      }),
      'PeerGatewayDown of rome cluster rome > its tunnels UDP => UdpBlocked NetworkReady',
    ],
    [
      'nothing of the peer answers',
      facts({
        status: {
          peers: [
            peerWith({
              unreachable: [...BLOCKED, { ...BLOCKED[0]!, service: 'ApiServer', address: '198.18.0.3:6443' }],
              conditions: conditions(NO_UDP, bad('ApiReachable', 'ApiUnreachable', 'no')),
            }),
          ],
        },
      }),
      'PeerAway of rome controller of milan > 198.18.0.3:30443 TCP => UdpBlocked ApiReachable NetworkReady',
    ],
    [
      'a virtual node is not ready for a reason that no check knows',
      facts({ status: notReady('its pods are drained') }),
      'NodeNotReady of rome controller of milan > node rome',
    ],
  ])('one cause where %s', (_, given, expected) => {
    expect(seen(given)).toEqual([expected]);
    for (const { next, message } of diagnosisOf(given).causes) expect([next, message]).not.toContain('');
  });

  test('NET-37 a tunnel that is not wanted is neither missing nor unknown', () => {
    const peer = peerWith({
      network: { mode: 'None' },
      tunnel: {},
      conditions: conditions().filter(({ type }) => type !== 'NetworkReady'),
    });
    const { healthy, causes, unknown } = diagnosisOf(facts({ status: { peers: [peer] } }));
    expect({ healthy, causes, unknown }).toEqual({ healthy: true, causes: [], unknown: [] });
  });

  test('what concerns one peer explains nothing of another', () => {
    const turin = {
      ...peerWith({ conditions: conditions(bad('NetworkReady', 'NoGateway', 'no key yet')) }),
      metadata: { name: 'turin' },
    };
    const rome = peerWith({ conditions: conditions(NO_UDP) });
    expect(seen(facts({ status: { peers: [rome, turin] } }))).toEqual([
      'UdpBlocked of rome gateway of milan > 198.18.0.3:30820 UDP => NetworkReady',
      'ConditionNotGood of turin controller of milan > peer turin',
    ]);
  });

  test('a credential that has ended is no revoked one: what kept it from being renewed is the cause', () => {
    const peer = peerWith({
      credentialExpiresAt: ago(60),
      unreachable: BLOCKED,
      conditions: conditions(
        bad('Authenticated', 'CredentialRefused', '401'),
        bad('Degraded', 'PeerUnreachable', 'no'),
      ),
    });
    expect(seen(facts({ status: { peers: [peer] } }))).toEqual([
      'TcpBlocked of rome controller of milan > 198.18.0.3:30443 TCP => CredentialExpired Authenticated Degraded',
    ]);
  });

  test.each([
    ['is young', [request({}, 3)]],
    ['was signed', [request({ certificate: 'x' })]],
    ['was followed by one that was signed', [request({}, 90), request({ certificate: 'x' }, 60)]],
  ])('a request for a certificate is no fault that %s', (_, requests) => {
    expect(seen(facts({ requests }))).toEqual([]);
  });

  test.each([
    [
      'the peer carries no more itself',
      { network: { mtuBytes: 1_370 }, tunnel: { mtuBytes: 1_360, ownMtuBytes: 1_440 } },
    ],
    ['the peer does not say what it carries', { network: {}, tunnel: { mtuBytes: 1_360, ownMtuBytes: 1_440 } }],
  ])('a smaller size is no hole where %s', (_, status) => {
    expect(seen(facts({ status: { peers: [peerWith(status)] } }))).toEqual([]);
  });

  test('says what cannot be known from one side, and asks no more where the other one was looked at', () => {
    const given = { status: { peers: [peerWith({ conditions: conditions(NO_UDP) })] } };
    expect(diagnosisOf(facts(given)).causes[0]?.unknown).toMatch(
      /whether the gateway of rome runs.*--remote-kubeconfig/,
    );
    expect(diagnosisOf(facts({ ...given, remote: remote() })).causes[0]?.unknown).toBeUndefined();
  });

  test('a cluster that only lends says that it does not dial', () => {
    const peer = { ...peerWith(), spec: { roles: ['Provide' as const] } };
    expect(diagnosisOf(facts({ status: { peers: [peer] } })).unknown).toEqual([
      'the way to rome by TCP: it dials us, and we do not dial it',
    ]);
  });

  test('an API server that is reached through the relay is no fault, and told', () => {
    const { healthy, notes } = diagnosisOf(facts({ status: { peers: [peerWith({ apiPath: 'Relay' })] } }));
    expect({ healthy, notes }).toEqual({ healthy: true, notes: [expect.stringContaining('https://198.18.0.3:6443')] });
  });

  test('what cannot be read is a fault, and the rest is still judged', () => {
    const given = facts({ status: { unreadable: [{ what: 'the grants', why: 'forbidden' }] } });
    expect(seen(given)).toEqual(['Unreadable this command > API server of milan']);
  });

  test('reads as a page', async () => {
    const peer = peerWith({ conditions: conditions(NO_UDP) });
    const text = printDiagnosis(diagnosisOf(facts({ status: { peers: [peer], ...notReady('no tunnel') } })));
    await expect(text).toMatchFileSnapshot('../../testdata/diagnose.golden');
  });
});

describe('the answer to a dry run', () => {
  const status = (message: string) => JSON.stringify({ kind: 'Status', message });

  test.each([
    ['is stored', 201, '{}', 'answers'],
    [
      'is refused by the webhook',
      403,
      status('admission webhook "virtualnodes.tombolo.io" denied the request: no'),
      'answers',
    ],
    ['is refused by RBAC', 403, status('virtualnodes is forbidden: User "x" cannot create'), 'unknown'],
    ['comes from a proxy', 502, 'Bad Gateway', 'unknown'],
    [
      'says that nobody listens',
      500,
      status(
        'Internal error occurred: failed calling webhook "virtualnodes.tombolo.io": failed to call webhook: Post "https://tombolo-webhook.tombolo-system.svc:443/validate/virtualnodes?timeout=5s": no endpoints available for service "tombolo-webhook"',
      ),
      'silent',
    ],
  ])('that %s', (_, code, body, state) => {
    expect(webhookAnswerOf(code, body).state).toBe(state);
  });
});

test('a Service without pods has a slice whose list of endpoints is null', () => {
  const slice = { metadata: { name: 'tombolo-webhook-x' }, addressType: 'IPv4' };
  expect(readyEndpoints({ ...slice, endpoints: null as never })).toEqual([]);
  const endpoints = [true, false, undefined].map((ready) => ({
    addresses: ['10.1.2.3'],
    conditions: ready === undefined ? {} : { ready },
  }));
  expect(readyEndpoints({ ...slice, endpoints })).toHaveLength(2);
});
