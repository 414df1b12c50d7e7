import { describe, expect, test } from 'vitest';
import { refusalFromText } from './refusal.ts';
import { containerStatus, remotePod, runningStatus, wrapperOf } from './test-pods.ts';
import { whyNoPod, whyNotRunning } from './why-not-running.ts';

const waiting = (reason: string, message: string) =>
  remotePod({
    status: {
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'True' }],
      containerStatuses: [containerStatus({ state: { waiting: { reason, message } }, started: false, ready: false })],
    },
  });

describe('whyNotRunning', () => {
  test('says nothing of a pod that runs, has ended, or is on its way', () => {
    expect(whyNotRunning('rome', remotePod({ status: runningStatus() }))).toBeUndefined();
    expect(whyNotRunning('rome', remotePod())).toBeUndefined();
    expect(whyNotRunning('rome', waiting('ContainerCreating', ''))).toBeUndefined();
  });

  test("POD-72 carries the message of the provider's scheduler", () => {
    const message = '0/3 nodes are available: 3 Insufficient cpu.';
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
    expect(whyNotRunning('rome', remotePod({ status: { phase: 'Pending', conditions } }))).toEqual({
      reason: 'RemoteUnschedulable',
      message: `rome: its scheduler cannot place the pod: ${message}`,
    });
  });

  test('POD-73 names the image that cannot be pulled', () => {
    const found = whyNotRunning('rome', waiting('ImagePullBackOff', 'Back-off pulling image "nope:1"'));
    expect(found?.reason).toBe('ImagePull');
    expect(found?.message).toContain('nope:1');
  });

  test('a missing ConfigMap of an env variable is named', () => {
    expect(whyNotRunning('rome', waiting('CreateContainerConfigError', 'configmap "settings" not found'))).toEqual({
      reason: 'MissingReference',
      message: 'rome: container "app" needs what is not there: configmap "settings" not found',
    });
  });

  test('POD-76 a claim that is not there is named', () => {
    const message = '0/1 nodes are available: persistentvolumeclaim "data" not found.';
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
    expect(whyNotRunning('rome', remotePod({ status: { phase: 'Pending', conditions } }))).toEqual({
      reason: 'VolumeNotThere',
      message: 'rome: claim "data" is not there: its storage belongs to another cluster',
    });
  });

  test('sentences end at 300 characters', () => {
    const found = whyNotRunning('rome', waiting('ErrImagePull', 'x'.repeat(1000)));
    expect(found?.message).toHaveLength(300);
  });
});

describe('refusals of the API server there', () => {
  const failure = (message: string) => ({
    ...wrapperOf(),
    status: {
      replicas: 0,
      conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }],
    },
  });

  test('Pod Security names the field', () => {
    const said =
      'pods "web-" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true), privileged (container "app" must not set securityContext.privileged=true)';
    expect(whyNoPod('rome', failure(said))).toEqual({
      reason: 'PodSecurity',
      message: `rome: ${said.replace('pods "web-" is forbidden: ', '')}`,
    });
  });

  test('the grant tells its numbers', () => {
    const said =
      'admission webhook "quota.tombolo.io" denied the request: GrantExceeded: cpu: asked 401m, free 400m, granted 1 by rome';
    expect(whyNoPod('rome', failure(said))).toEqual({
      reason: 'GrantExceeded',
      message: 'rome: cpu: asked 401m, free 400m, granted 1 by rome',
    });
    expect(refusalFromText('rome', 'GrantCordoned: the grant is cordoned').reason).toBe('GrantCordoned');
  });

  test('any other rule is quoted', () => {
    const said = 'admission webhook "policy.example.com" denied the request: image not signed';
    expect(whyNoPod('rome', failure(said))).toEqual({ reason: 'Refused', message: 'rome: image not signed' });
  });

  test('a wrapper without failure says nothing', () => {
    expect(whyNoPod('rome', wrapperOf())).toBeUndefined();
  });
});
