import { describe, expect, test } from 'vitest';
import { NAME, PEER, type Peer, PEERING_REQUEST, type PeeringRequest, setCondition, SYSTEM_NAMESPACE } from '#pkg/api';
import { CONFIG_MAP, type ConfigMap } from '#pkg/kube';
import { fakeClock, silentLog } from '#pkg/runtime';
import { requestRef } from '../approval/request-state.ts';
import { requestPeering } from '../command/request-peering.ts';
import { memoryClient } from '../doubles/memory-client.ts';
import { newIdentity, peeringBed } from '../doubles/peering-bed.ts';
import { awaitApproval } from './await-approval.ts';
import { consumerSession } from './session.ts';

const signal = AbortSignal.timeout(30_000);

/** Milan, which asks rome as `tombolo peer rome` does. Rome is a real endpoint on loopback. */
async function scene({ fingerprint }: { fingerprint?: string } = {}) {
  const stack = new AsyncDisposableStack();
  const rome = stack.use(await peeringBed());
  const identity = newIdentity();
  const home = memoryClient();
  const clock = fakeClock();
  const info: ConfigMap = {
    metadata: { namespace: SYSTEM_NAMESPACE, name: NAME.clusterConfigMap },
    data: { clusterName: 'milan', fingerprint: identity.fingerprint, addresses: '[]' },
  };
  home.seed(CONFIG_MAP, info);
  const target = {
    clusterName: 'rome',
    fingerprint: fingerprint ?? rome.provider.identity.fingerprint,
    addresses: [rome.provider.address],
  };
  const start = () => requestPeering(home, { target, cluster: 'milan', now: clock.wall(), signal });
  await start();
  const deps = { home, identity, clusterName: 'milan', version: '0.1.0', addresses: () => [], clock, log: silentLog };
  const session = stack.use(consumerSession(deps));
  const peer = () => home.get<Peer>(PEER, { name: 'rome' });
  const look = async () => awaitApproval(deps, await peer(), session, signal);
  /** Milan's controller has told of the end of the request. */
  const tellEnd = async (reason: string) => {
    const { metadata } = await peer();
    const condition = {
      type: 'Authenticated',
      status: 'False',
      reason,
      message: 'it ended',
      observedGeneration: metadata.generation ?? 0,
    } as const;
    const status = { phase: 'Failed', conditions: setCondition([], condition, clock.wall()) };
    await home.patch<Peer>(PEER, { name: 'rome' }, { status }, { type: 'merge' });
  };
  const answer = (status: PeeringRequest['status']) =>
    rome.provider.client.patch(PEERING_REQUEST, requestRef(identity.fingerprint), { status }, { type: 'merge' });
  return {
    rome,
    identity,
    clock,
    start,
    peer,
    look,
    tellEnd,
    answer,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

// Real TLS in every test: on a machine that is busy, five seconds are few.
describe('waiting for approval', { timeout: 20_000 }, () => {
  test('names the fingerprints and the command for the other side, and asks no more often than it was told', async () => {
    await using milan = await scene();
    const report = await milan.look();
    expect(report).toMatchObject({ phase: 'AwaitingApproval', stands: false, requeueAfterMs: 2_000 });
    expect(report?.step).toMatch(/compare [0-9a-f-]{19}\/[0-9a-f-]{19} and run `tombolo accept milan`$/);
    await milan.answer({ state: 'Rejected', message: 'no' });
    expect((await milan.look())?.phase).toBe('AwaitingApproval');
    await milan.clock.advance(2_000);
    await expect(milan.look()).rejects.toMatchObject({ code: 'RequestRejected' });
  });

  test('ends when the peer is there', async () => {
    await using milan = await scene();
    await milan.look();
    milan.rome.addPeer('milan', milan.identity);
    await milan.answer({ state: 'Accepted', peer: 'milan' });
    await milan.clock.advance(2_000);
    expect(await milan.look()).toBeUndefined();
  });

  test('is refused where the endpoint proves another key, and nothing is asked', async () => {
    await using milan = await scene({ fingerprint: 'ab'.repeat(32) });
    await expect(milan.look()).rejects.toMatchObject({
      code: 'FingerprintDiffers',
      why: expect.stringMatching(
        /^the record is not true: it shows key .* not abab-abab-abab-abab; it was asked nothing$/,
      ),
    });
    expect(milan.rome.provider.client.peek(PEERING_REQUEST)).toEqual([]);
  });

  test('once refused is not tried again by itself, also not after a restart', async () => {
    await using milan = await scene({ fingerprint: 'ab'.repeat(32) });
    await milan.tellEnd('FingerprintDiffers');
    expect(await milan.look()).toMatchObject({ phase: 'Failed', authenticated: { reason: 'FingerprintDiffers' } });
  });

  test('goes on where it was, and asks anew only after the end of the last request', async () => {
    await using milan = await scene();
    const first = (await milan.peer()).spec.request?.askedAt;
    await milan.clock.advance(60_000);
    await milan.start();
    expect((await milan.peer()).spec.request?.askedAt).toBe(first);
    await milan.tellEnd('RequestExpired');
    await milan.start();
    expect((await milan.peer()).spec.request?.askedAt).not.toBe(first);
  });
});
