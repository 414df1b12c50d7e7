import { expect, test } from 'vitest';
import { missingEphemerals, shownEphemerals } from './ephemeral.ts';
import { storedLocalPod } from './stored-pod.ts';
import { createInterner } from './interner.ts';
import { containerStatus, CONTEXT, localPod, remotePod } from './test-pods.ts';

const debug = (name: string, more: object = {}) => ({ name, image: 'busybox', targetContainerName: 'app', ...more });
const names = (containers: readonly { name: string }[]) => containers.map(({ name }) => name);

test('POD-62 an ephemeral container that the remote pod lacks is added as it is at home', () => {
  const local = localPod({ spec: { ephemeralContainers: [debug('one'), debug('two', { stdin: true, tty: true })] } });
  expect(missingEphemerals(local, remotePod({ spec: { ephemeralContainers: [debug('one')] } }), CONTEXT)).toEqual([
    debug('two', { stdin: true, tty: true }),
  ]);
  expect(missingEphemerals(localPod(), remotePod(), CONTEXT)).toEqual([]);
});

test('one that ran in an earlier remote pod is not run again', () => {
  const local = localPod({
    spec: { ephemeralContainers: [debug('old'), debug('new')] },
    status: { phase: 'Running', ephemeralContainerStatuses: [containerStatus({ name: 'old' })] },
  });
  expect(names(missingEphemerals(local, remotePod(), CONTEXT))).toEqual(['new']);
});

test('it reads of itself what the pod reads at home, and finds the token where home has it', () => {
  const env = [{ name: 'NS', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }];
  const mount = { name: 'kube-api-access-x7k2p', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
  const token = {
    name: 'kube-api-access-x7k2p',
    projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 3607 } }] },
  };
  const containers = [{ name: 'app', image: 'web:1', volumeMounts: [mount] }];
  const ephemeralContainers = [debug('d', { env, volumeMounts: [mount] })];
  const local = storedLocalPod(
    localPod({ spec: { containers, ephemeralContainers, volumes: [token] } }),
    createInterner(),
  );
  const [added] = missingEphemerals(local, remotePod(), CONTEXT);
  expect(added?.env?.find(({ name }) => name === 'NS')).toEqual({ name: 'NS', value: 'shop' });
  expect(added?.volumeMounts?.[0]?.name).toBe(local.spec?.containers[0]?.volumeMounts?.[0]?.name);
});

test('the end of one that went with an earlier remote pod stays in the status', () => {
  const here = [containerStatus({ name: 'old' }), containerStatus({ name: 'same', restartCount: 0 })];
  const shown = shownEphemerals([containerStatus({ name: 'same', ready: false })], here);
  expect(names(shown ?? [])).toEqual(['old', 'same']);
  expect(shown?.[0]?.state?.terminated).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
  expect(shown?.[1]?.ready).toBe(false);
  expect(shownEphemerals(undefined, undefined)).toBeUndefined();
});
