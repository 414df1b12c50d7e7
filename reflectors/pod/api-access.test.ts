import { describe, expect, test } from 'vitest';
import type { PodSpec } from './pod-types.ts';
import { CONTEXT, localPod, UID } from './test-pods.ts';
import { remoteTemplate } from './to-remote.ts';
import { unsupported } from './unsupported.ts';

const SECRET = `tombolo-token-${UID}`;
const MOUNT = { name: 'kube-api-access', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true };

/** As the ServiceAccount admission at home makes it, stored under a fixed name. */
const API_VOLUME = {
  name: 'kube-api-access',
  projected: {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  },
};
const OWN_VOLUME = {
  name: 'vault',
  projected: {
    sources: [
      { serviceAccountToken: { audience: 'vault', expirationSeconds: 600, path: 'vault/token' } },
      { serviceAccountToken: { audience: 'vault', expirationSeconds: 600, path: 'again' } },
      { serviceAccountToken: { audience: 'vault', path: 'long' } },
      { configMap: { name: 'kube-root-ca.crt' } },
      { secret: { name: 'more' } },
    ],
  },
};

const container = (name: string) => ({ name, image: 'web:1', volumeMounts: [MOUNT] });
const SPEC: Partial<PodSpec> = {
  serviceAccountName: 'reader',
  volumes: [{ name: 'data', emptyDir: {} }, API_VOLUME, OWN_VOLUME],
  initContainers: [container('first')],
  containers: [{ ...container('app'), env: [{ name: 'URL', value: 'https://$(KUBERNETES_SERVICE_HOST)' }] }],
};

function remote(annotations: Record<string, string> = {}, context: object = {}, spec = SPEC): PodSpec {
  const local = localPod({ metadata: { annotations }, spec });
  return remoteTemplate(local, { ...CONTEXT, homeApiAddress: '10.73.0.1', ...context }).spec;
}

const hostsOf = (spec: PodSpec) => [...(spec.initContainers ?? []), ...spec.containers].map(({ env }) => env?.[0]);

describe('the API of home', () => {
  test('each token becomes a key of the Secret of the pod, equal ones the same, and everything beside them stays', () => {
    const spec = remote();
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(spec).not.toHaveProperty('serviceAccountName');
    expect(spec.volumes?.[1]).toEqual({
      name: 'kube-api-access',
      projected: {
        defaultMode: 420,
        sources: [
          { secret: { name: SECRET, items: [{ key: 'token-0', path: 'token' }] } },
          { configMap: { name: 'tombolo-home-root-ca', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          {
            downwardAPI: {
              items: [
                {
                  path: 'namespace',
                  fieldRef: { apiVersion: 'v1', fieldPath: "metadata.annotations['tombolo.io/home-namespace']" },
                },
              ],
            },
          },
        ],
      },
    });
    expect(spec.volumes?.[2]?.projected?.sources).toEqual([
      { secret: { name: SECRET, items: [{ key: 'token-1', path: 'vault/token' }] } },
      { secret: { name: SECRET, items: [{ key: 'token-1', path: 'again' }] } },
      { secret: { name: SECRET, items: [{ key: 'token-2', path: 'long' }] } },
      { configMap: { name: 'tombolo-home-root-ca' } },
      { secret: { name: 'more' } },
    ]);
    expect(spec.containers[0]?.volumeMounts).toEqual([MOUNT]);
  });

  test('every container finds it by the name in its certificate, before its own variables', () => {
    const spec = remote();
    const host = { name: 'KUBERNETES_SERVICE_HOST', value: 'kubernetes.default.svc' };
    expect(hostsOf(spec)).toEqual([host, host]);
    expect(spec.containers[0]?.env?.at(-1)?.name).toBe('URL');
    expect(spec.hostAliases).toEqual([
      {
        ip: '10.73.0.1',
        hostnames: [
          'kubernetes.default.svc',
          'kubernetes.default.svc.cluster.local',
          'kubernetes.default',
          'kubernetes',
        ],
      },
    ]);
  });

  test('what the pod says of its hosts and of the API stays', () => {
    const hostAliases = [{ ip: '192.0.2.7', hostnames: ['db'] }];
    const env = [{ name: 'KUBERNETES_SERVICE_HOST', value: 'proxy' }];
    const spec = remote({}, {}, { ...SPEC, hostAliases, containers: [{ ...container('app'), env }] });
    expect(spec.hostAliases?.map(({ ip }) => ip)).toEqual(['192.0.2.7', '10.73.0.1']);
    expect(spec.containers[0]?.env?.filter(({ name }) => name === 'KUBERNETES_SERVICE_HOST')).toEqual(env);
  });

  test('without a tunnel the name leads nowhere, and not to the API of the provider', () => {
    expect(remote({}, { homeApiAddress: undefined }).hostAliases?.[0]?.ip).toBe('127.0.0.1');
  });

  test('a pod that mounts no token gets nothing, unless it asks for the API by name', () => {
    const plain = { containers: [{ name: 'app', image: 'web:1' }] };
    expect(remote({}, {}, plain)).toMatchObject({ ...plain, automountServiceAccountToken: false });
    expect(remote({}, {}, plain)).not.toHaveProperty('hostAliases');
    expect(remote({ 'tombolo.io/api-access': 'home' }, {}, plain).hostAliases).toHaveLength(1);
  });
});

describe('another API', () => {
  test('POD-55 with `provider` its admission mounts a token of that account, and no token of home is there', () => {
    const annotations = { 'tombolo.io/api-access': 'provider', 'tombolo.io/remote-service-account': 'robot' };
    const spec = remote(annotations);
    expect(spec).toMatchObject({ automountServiceAccountToken: true, serviceAccountName: 'robot' });
    expect(spec.volumes).toEqual([{ name: 'data', emptyDir: {} }, OWN_VOLUME]);
    expect(spec.containers[0]).not.toHaveProperty('volumeMounts');
    expect(spec).not.toHaveProperty('hostAliases');
    expect(JSON.stringify(spec)).not.toContain('tombolo-token');
    expect(remote({ 'tombolo.io/api-access': 'provider' })).not.toHaveProperty('serviceAccountName');
  });

  test('a pod that wants no token at home wants none of the provider either', () => {
    const plain = { containers: [{ name: 'app', image: 'web:1' }] };
    expect(remote({ 'tombolo.io/api-access': 'provider' }, {}, plain).automountServiceAccountToken).toBe(false);
  });

  test('POD-56 with `none` there is no token file, and the rest of its volumes stays', () => {
    const spec = remote({ 'tombolo.io/api-access': 'none' });
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(spec.volumes?.map(({ name }) => name)).toEqual(['data', 'vault']);
    expect(spec.volumes?.[1]?.projected?.sources).toEqual([
      { configMap: { name: 'tombolo-home-root-ca' } },
      { secret: { name: 'more' } },
    ]);
    expect(spec).not.toHaveProperty('hostAliases');
  });

  test('the annotation of the pod wins over its namespace', () => {
    const none = { apiAccess: 'none' };
    expect(remote({}, none)).not.toHaveProperty('hostAliases');
    expect(remote({ 'tombolo.io/api-access': 'home' }, none).hostAliases).toHaveLength(1);
  });
});

describe('what cannot be carried over', () => {
  test('POD-56 a wrong value is refused with the right ones', () => {
    const pod = localPod({ metadata: { annotations: { 'tombolo.io/api-access': 'remote' } } });
    expect(unsupported(pod)).toBe(
      'annotation tombolo.io/api-access has the value "remote", allowed are home, provider, none',
    );
  });

  test('a pod has a bounded number of tokens', () => {
    const sources = Array.from({ length: 17 }, (_, index) => ({
      serviceAccountToken: { audience: `a-${index}`, path: `t-${index}` },
    }));
    expect(unsupported(localPod({ spec: { volumes: [{ name: 'many', projected: { sources } }] } }))).toMatch(
      /17 different tokens, at most 16/,
    );
    const equal = sources.map(() => sources[0] ?? {});
    expect(unsupported(localPod({ spec: { volumes: [{ name: 'one', projected: { sources: equal } }] } }))).toBe(
      undefined,
    );
  });
});
