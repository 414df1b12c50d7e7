import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pod } from '#pkg/kube';
import type { PodSpec } from './pod-types.ts';
import { CONTEXT, localPod, UID } from './test-pods.ts';
import { remoteTemplate, remoteTolerations, toRemotePod, toRemoteReplicaSet } from './to-remote.ts';
import { wrappingOf } from './wrapping.ts';

const ownedBy = (kind: string) => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind, name: 'x', uid: 'u', controller: true }],
});

describe('wrappingOf', () => {
  test('POD-01 a pod with restartPolicy Always is wrapped by a ReplicaSet of 1', () => {
    expect(wrappingOf(localPod({ metadata: ownedBy('ReplicaSet') }))).toBe('replica-set');
    const wrapper = toRemoteReplicaSet(localPod(), CONTEXT);
    expect(wrapper.spec?.replicas).toBe(1);
    expect(wrapper.spec?.selector).toEqual({ matchLabels: { 'tombolo.io/pod-uid': UID } });
    expect(wrapper.metadata.labels).toEqual({
      'tombolo.io/origin': 'milan',
      'tombolo.io/pod-uid': UID,
      'tombolo.io/grant': 'rome',
    });
  });

  test('POD-02 OnFailure, Never, a deadline and StatefulSet pods are bare', () => {
    expect(wrappingOf(localPod({ spec: { restartPolicy: 'Never' } }))).toBe('once');
    expect(wrappingOf(localPod({ spec: { restartPolicy: 'OnFailure' } }))).toBe('once');
    expect(wrappingOf(localPod({ spec: { activeDeadlineSeconds: 60 } }))).toBe('once');
    expect(wrappingOf(localPod({ metadata: ownedBy('StatefulSet') }))).toBe('recreated');
    const pod = toRemotePod(localPod({ spec: { restartPolicy: 'Never', activeDeadlineSeconds: 60 } }), CONTEXT);
    expect(pod.spec).toMatchObject({ restartPolicy: 'Never', activeDeadlineSeconds: 60 });
    expect(pod.metadata.ownerReferences).toEqual([
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'tombolo-twin', uid: 'owner-1', controller: true },
    ]);
  });
});

/** Keys that break careless copying, and values of any JSON shape. */
const hostileKey = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('__proto__', 'constructor', 'toString'));
const anyJson = fc.jsonValue({ maxDepth: 3 });

describe('remoteTemplate', () => {
  test('POD-03 fields that nobody names travel unchanged, also unknown ones at every level', () => {
    const unknown = fc.dictionary(
      fc.stringMatching(/^x[A-Za-z]{3,8}$/),
      anyJson.filter((value) => value !== null),
      { maxKeys: 4 },
    );
    fc.assert(
      fc.property(unknown, unknown, unknown, (inSpec, inContainer, inVolume) => {
        const spec = {
          containers: [{ name: 'app', image: 'a', ...inContainer }],
          volumes: [{ name: 'v', emptyDir: {}, ...inVolume }],
          ...inSpec,
        } as PodSpec;
        const remote = remoteTemplate(localPod({ spec }), CONTEXT).spec;
        expect(remote).toMatchObject(inSpec);
        expect(remote.containers[0]).toEqual(spec.containers[0]);
        expect(remote.volumes).toEqual(spec.volumes);
      }),
    );
  });

  test('copies labels and annotations with hostile keys and values', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(hostileKey, fc.string())), (entries) => {
        const annotations = Object.fromEntries(entries.filter(([key]) => !key.includes('/')));
        const remote = remoteTemplate(localPod({ metadata: { annotations } }), CONTEXT);
        for (const [key, value] of Object.entries(annotations)) {
          expect(Object.entries(remote.metadata.annotations ?? {})).toContainEqual([key, value]);
        }
      }),
    );
  });

  test('never changes the local pod', () => {
    const local = localPod({ spec: { tolerations: [{ key: 'a' }], volumes: [{ name: 'v', emptyDir: {} }] } });
    const before = structuredClone(local);
    remoteTemplate(local, CONTEXT);
    expect(local).toEqual(before);
  });

  test('POD-04 what means something only at home is not on the remote pod', () => {
    const remote = remoteTemplate(
      localPod({
        spec: {
          nodeName: 'rome',
          nodeSelector: { a: 'b' },
          affinity: { podAntiAffinity: {} },
          schedulerName: 'mine',
          priority: 5,
          priorityClassName: 'high',
          preemptionPolicy: 'Never',
          overhead: { cpu: '1' },
          serviceAccountName: 'web',
          serviceAccount: 'web',
          schedulingGates: [{ name: 'g' }],
        },
      }),
      CONTEXT,
    ).spec;
    expect(remote).toEqual({
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      containers: [{ name: 'app', image: 'web:1' }],
      automountServiceAccountToken: false,
      hostname: 'web-7d9f8-abcde',
    });
  });

  test('POD-05 the placement is on every remote pod', () => {
    const nodeAffinity = {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'gpu', operator: 'Exists' }] }],
      },
    };
    const placement = {
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'edge', operator: 'Exists' }],
      nodeAffinity,
    };
    const remote = remoteTemplate(localPod({ spec: { nodeSelector: { home: 'only' } } }), {
      ...CONTEXT,
      placement,
    }).spec;
    expect(remote).toMatchObject({
      nodeSelector: { disk: 'ssd' },
      affinity: { nodeAffinity },
      tolerations: [{ key: 'edge', operator: 'Exists' }],
    });
  });

  test('POD-06 the toleration of virtual nodes goes, the others stay in order, those of the placement follow', () => {
    const local = [
      { key: 'tombolo.io/virtual-node', operator: 'Exists' },
      { key: 'b', operator: 'Exists' },
      { key: 'a', operator: 'Exists' },
    ];
    expect(remoteTolerations(local, { tolerations: [{ key: 'z' }] })).toEqual([
      { key: 'b', operator: 'Exists' },
      { key: 'a', operator: 'Exists' },
      { key: 'z' },
    ]);
  });

  test('host fields are never changed silently', () => {
    const spec: Partial<PodSpec> = {
      hostNetwork: true,
      hostPID: true,
      hostIPC: true,
      volumes: [{ name: 'h', hostPath: { path: '/' } }],
      containers: [
        { name: 'app', securityContext: { privileged: true }, ports: [{ containerPort: 80, hostPort: 80 }] },
      ],
    };
    expect(remoteTemplate(localPod({ spec }), CONTEXT).spec).toMatchObject(spec);
  });

  test('the hostname is the local name, cut like a kubelet does, without dots', () => {
    const hostname = (name: string, own?: string) =>
      remoteTemplate(localPod({ metadata: { name }, spec: own === undefined ? {} : { hostname: own } }), CONTEXT).spec
        .hostname;
    expect(hostname('db-0')).toBe('db-0');
    expect(hostname('db-0', 'mine')).toBe('mine');
    expect(hostname('a.b.c')).toBe('a-b-c');
    expect(hostname(`${'a'.repeat(62)}-b`)).toBe('a'.repeat(62));
  });

  test('what a pod reads about itself is what it would read at home', () => {
    const fieldRef = (fieldPath: string) => ({ fieldRef: { fieldPath } });
    const spec: Partial<PodSpec> = {
      serviceAccountName: 'web',
      containers: [
        {
          name: 'app',
          env: [
            { name: 'NAME', valueFrom: fieldRef('metadata.name') },
            { name: 'NS', valueFrom: fieldRef('metadata.namespace') },
            { name: 'UID', valueFrom: fieldRef('metadata.uid') },
            { name: 'NODE', valueFrom: fieldRef('spec.nodeName') },
            { name: 'SA', valueFrom: fieldRef('spec.serviceAccountName') },
            { name: 'IP', valueFrom: fieldRef('status.podIP') },
            { name: 'APP', valueFrom: fieldRef("metadata.labels['app']") },
            { name: 'MONEY', valueFrom: fieldRef("metadata.annotations['argocd.argoproj.io/x']") },
          ],
        },
      ],
      volumes: [
        {
          name: 'info',
          downwardAPI: {
            items: [
              { path: 'labels', ...fieldRef('metadata.labels') },
              { path: 'name', ...fieldRef('metadata.name') },
            ],
          },
        },
      ],
    };
    const annotations = { 'argocd.argoproj.io/x': '$(HOME) costs $5' };
    const remote = remoteTemplate(localPod({ spec, metadata: { annotations } }), CONTEXT);
    expect(remote.spec.containers[0]?.env).toEqual([
      { name: 'NAME', value: 'web-7d9f8-abcde' },
      { name: 'NS', value: 'shop' },
      { name: 'UID', value: UID },
      { name: 'NODE', value: 'rome' },
      { name: 'SA', value: 'web' },
      { name: 'IP', valueFrom: fieldRef('status.podIP') },
      { name: 'APP', valueFrom: fieldRef("metadata.labels['app']") },
      { name: 'MONEY', value: '$$(HOME) costs $$5' },
    ]);
    expect(remote.spec.volumes?.[0]?.downwardAPI?.items).toEqual([
      { path: 'labels', ...fieldRef("metadata.annotations['tombolo.io/home-labels']") },
      { path: 'name', ...fieldRef("metadata.annotations['tombolo.io/home-name']") },
    ]);
    expect(remote.metadata.annotations).toMatchObject({
      'tombolo.io/home-labels': 'app="web"',
      'tombolo.io/home-name': 'web-7d9f8-abcde',
    });
  });

  test('the CA of home is mounted under the name that it has in the twin', () => {
    const spec: Partial<PodSpec> = {
      volumes: [{ name: 'ca', configMap: { name: 'kube-root-ca.crt' } }],
      containers: [{ name: 'app', envFrom: [{ configMapRef: { name: 'kube-root-ca.crt' } }] }],
    };
    const remote = remoteTemplate(localPod({ spec }), CONTEXT).spec;
    expect(remote.volumes?.[0]?.configMap?.name).toBe('tombolo-home-root-ca');
    expect(remote.containers[0]?.envFrom?.[0]?.configMapRef?.name).toBe('tombolo-home-root-ca');
  });

  test('labels of controllers stay, keys of GitOps tools and of Tombolo do not', () => {
    const local: Pod = localPod({
      metadata: {
        labels: {
          app: 'web',
          'pod-template-hash': '7d9f8',
          'app.kubernetes.io/instance': 'shop',
          'tombolo.io/peer': 'x',
        },
        annotations: { note: 'n', 'argocd.argoproj.io/tracking-id': 't', 'tombolo.io/pod-strategy': 'Remote' },
      },
    });
    const { labels, annotations } = remoteTemplate(local, CONTEXT).metadata;
    expect(labels).toEqual({
      app: 'web',
      'pod-template-hash': '7d9f8',
      'app.kubernetes.io/instance': 'shop',
      'tombolo.io/origin': 'milan',
      'tombolo.io/pod-uid': UID,
      'tombolo.io/grant': 'rome',
    });
    expect(annotations).toEqual({
      note: 'n',
      'tombolo.io/home-name': 'web-7d9f8-abcde',
      'tombolo.io/copied-keys': 'a:note,l:app,l:app.kubernetes.io/instance,l:pod-template-hash',
    });
  });
});
