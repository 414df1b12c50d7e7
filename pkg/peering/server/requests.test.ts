import { describe, expect, test } from 'vitest';
import { PEER, PEERING_REQUEST, type PeeringRequest, SYSTEM_NAMESPACE } from '#pkg/api';
import { requestRef } from '../approval/request-state.ts';
import { newIdentity, peeringBed, type PeeringBed } from '../doubles/peering-bed.ts';
import { isPeeringError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';

const signal = AbortSignal.timeout(60_000);
const asMilan = { clusterName: 'milan', addresses: ['198.18.0.2:30443'], version: '0.1.0', askedAt: 'first' };

async function stateOf(promise: Promise<{ state: string }>): Promise<string> {
  try {
    return (await promise).state;
  } catch (error) {
    if (isPeeringError(error)) return error.code;
    throw error;
  }
}

const requestsOf = (bed: PeeringBed) => bed.provider.client.peek<PeeringRequest>(PEERING_REQUEST);
const decide = (bed: PeeringBed, who: Identity, status: PeeringRequest['status']) =>
  bed.provider.client.patch(PEERING_REQUEST, requestRef(who.fingerprint), { status }, { type: 'merge' });

describe('a cluster that asks', () => {
  test('gets a request and nothing else: no peer, no tenant, and every other path stays closed', async () => {
    await using bed = await peeringBed();
    const milan = newIdentity();
    const before = bed.provider.client.names;
    expect(await bed.as(milan).askApproval(asMilan, signal)).toMatchObject({ state: 'Waiting', pollAfterSeconds: 2 });
    const [request] = requestsOf(bed);
    expect(request?.spec).toMatchObject({ fingerprint: milan.fingerprint, clusterName: 'milan' });
    const waitsMs = Date.parse(request?.spec.expiresAt ?? '') - Date.now();
    expect(Math.round(waitsMs / 3600_000)).toBe(24);
    expect(bed.provider.client.names.filter((name) => !before.includes(name))).toEqual([
      `PeeringRequest ${SYSTEM_NAMESPACE}/${request?.metadata.name}`,
    ]);
    for (const call of [bed.as(milan).credentials(signal), bed.as(milan).info(signal)])
      await expect(call).rejects.toMatchObject({ code: 'NotPeered' });
  });

  test('too often with new keys from one source has to wait; one that is known already has not', async () => {
    await using bed = await peeringBed({ requestsPerMinute: 2 });
    const milan = bed.as(newIdentity());
    const ask = (who = bed.as(newIdentity())) => stateOf(who.askApproval(asMilan, signal));
    expect([await ask(milan), await ask(), await ask()]).toEqual(['Waiting', 'Waiting', 'TooManyTries']);
    expect(await ask(milan)).toBe('Waiting');
  });

  test('hears that it was accepted as soon as its peer is there', async () => {
    await using bed = await peeringBed();
    const milan = newIdentity();
    await bed.as(milan).askApproval(asMilan, signal);
    bed.addPeer('milan', milan);
    await decide(bed, milan, { state: 'Accepted', message: 'accepted by the people of rome as peer milan' });
    expect(await bed.as(milan).askApproval(asMilan, signal)).toMatchObject({
      state: 'Accepted',
      why: 'accepted by the people of rome as peer milan',
    });
    expect((await bed.as(milan).credentials(signal)).nameThere).toBe('milan');
  });

  test('that was rejected cannot ask anew, also not by taking its request back', async () => {
    await using bed = await peeringBed();
    const milan = newIdentity();
    await bed.as(milan).askApproval(asMilan, signal);
    await decide(bed, milan, { state: 'Rejected', message: 'the people of rome rejected it' });
    await bed.as(milan).withdraw(signal);
    const again = await bed.as(milan).askApproval({ ...asMilan, askedAt: 'second' }, signal);
    expect(again).toMatchObject({ state: 'Rejected', why: 'the people of rome rejected it' });
  });

  test('and was not answered in time hears so; another wish asks anew', async () => {
    await using bed = await peeringBed();
    const milan = newIdentity();
    await bed.as(milan).askApproval(asMilan, signal);
    const past = { spec: { expiresAt: new Date(Date.now() - 1_000).toISOString() } };
    await bed.provider.client.patch(PEERING_REQUEST, requestRef(milan.fingerprint), past, { type: 'merge' });
    expect(await stateOf(bed.as(milan).askApproval(asMilan, signal))).toBe('Expired');
    expect(await stateOf(bed.as(milan).askApproval({ ...asMilan, askedAt: 'second' }, signal))).toBe('Waiting');
    expect(requestsOf(bed)).toHaveLength(1);
  });

  test('anew after an earlier peering has ended is not let in by its old request', async () => {
    await using bed = await peeringBed();
    const milan = newIdentity();
    await bed.as(milan).askApproval(asMilan, signal);
    await decide(bed, milan, { state: 'Accepted', peer: 'milan' });
    expect(await stateOf(bed.as(milan).askApproval(asMilan, signal))).toBe('Waiting');
    expect(requestsOf(bed)[0]?.status).toBeUndefined();
    expect(bed.provider.client.peek(PEER)).toEqual([]);
  });

  test('takes its request back, once and again', async () => {
    await using bed = await peeringBed();
    const milan = newIdentity();
    await bed.as(milan).askApproval(asMilan, signal);
    for (let times = 0; times < 2; times++) expect(await bed.as(milan).withdraw(signal)).toEqual({ state: 'Gone' });
    expect(requestsOf(bed)).toEqual([]);
  });

  test('is refused by its own cluster, and where its name is none', async () => {
    await using bed = await peeringBed();
    expect(await stateOf(bed.as(bed.provider.identity).askApproval(asMilan, signal))).toBe('OwnCluster');
    const named = { ...asMilan, clusterName: 'Milan' };
    expect(await stateOf(bed.as(newIdentity()).askApproval(named, signal))).toBe('InvalidPeerName');
    expect(requestsOf(bed)).toEqual([]);
  });
});
