import type { ReflectionPolicy } from '#pkg/api';
import { apiVersionOf, KubeError, type KubeObject } from '#pkg/kube';
import { done, messageOf, type Reconciler, requeueAfter } from '#pkg/runtime';
import { ReflectionError } from './errors.ts';
import { type Applied, planTwin, type TwinStep } from './plan-twin.ts';
import { denyPrefixes, type Verdict, verdictOn, verdictOnFollower } from './policy.ts';
import type { KindDeps, TwinObjects } from './run-kind.ts';
import type { Twin } from './twin-table.ts';
import { fingerprint, type TwinObject, twinObject } from './twin-object.ts';
import { type TwinWriter, twinWriter } from './write-twin.ts';

/** An object of somebody else may go at any time, and nothing tells us (REF-26: copied within 30 s then). */
const TAKEN_RETRY_MS = 10_000;
const BEHIND_RETRY_MS = 1_000;
/** Nobody tells us either when what was refused becomes possible. */
const REFUSED_RETRY_MS = 30_000;

/** Makes one twin object what its local object asks for. Reads caches; one write at most. */
export function kindReconciler(
  deps: KindDeps,
  twinObjects: TwinObjects,
  open: (namespace: string) => void,
): Reconciler {
  const { reflector, homeKind, ownerKind, twins, remote, metrics } = deps;
  const { resource } = reflector;
  /** By key; at most one entry per object that is copied. */
  const applied = new Map<string, Applied>();

  const isRead = (home: string) => homeKind.isSynced(home) && ownerKind?.isSynced(home) !== false;
  const verdictFor = (local: KubeObject, policies: readonly ReflectionPolicy[]): Verdict => {
    if (reflector.owner === undefined) return verdictOn(local, resource, policies);
    const object = ownerKind?.get(`${local.metadata.namespace}/${reflector.owner.nameOf(local)}`);
    return verdictOnFollower(local, resource, { object, kind: reflector.owner.resource }, policies);
  };

  const wantedFor = (local: KubeObject | undefined, twin: Twin, isFallback = false): TwinObject | undefined => {
    if (local === undefined) return undefined;
    const policies = deps.policies.list();
    if (!reflector.isNeeded(local) && !verdictFor(local, policies).copied) return undefined;
    return twinObject(reflector, local, {
      origin: remote.origin,
      namespace: twin.namespace,
      denyPrefixes: denyPrefixes(local.metadata.namespace ?? '', policies),
      isFallback,
    });
  };

  return {
    name: `reflect ${resource.plural}`,
    async reconcile(key, signal) {
      const slash = key.indexOf('/');
      const home = key.slice(0, slash);
      const twin = twins.twinOf(home);
      if (twin === undefined || twin.namespace === '' || !isRead(home)) {
        applied.delete(key);
        return done; // reading it completely, or a change of the table, brings us here again
      }
      const local = homeKind.get(key);
      const wanted = wantedFor(local, twin);
      if (wanted !== undefined) open(twin.namespace);
      if (!twinObjects.isSynced(twin.namespace)) return done;

      const standing = twinObjects.get(`${twin.namespace}/${reflector.twinName(key.slice(slash + 1))}`);
      const before = applied.get(key);
      const writer = twinWriter({
        client: remote.cluster.client,
        resource,
        peer: remote.peer,
        origin: remote.origin,
        signal,
      });
      const bringTo = async (target: TwinObject | undefined) => {
        const step = planTwin(target, standing, before);
        const answer = await act(step, { wanted: target, standing, twin, before }, writer);
        if (step !== 'none') metrics.wrote(remote.peer, resource.kind, step);
        if (target === undefined) applied.delete(key);
        else if (answer !== undefined) applied.set(key, note(target, standing, answer, step === 'apply', before));
        else if (before === undefined && standing !== undefined) applied.set(key, trust(standing));
      };
      try {
        await bringTo(wanted);
        return done;
      } catch (error) {
        metrics.failed(remote.peer, resource.kind);
        if (local !== undefined) tell(local, error);
        const fallback = error instanceof KubeError && error.isInvalid ? wantedFor(local, twin, true) : undefined;
        if (fallback !== undefined) {
          await bringTo(fallback);
          return requeueAfter(REFUSED_RETRY_MS);
        }
        if (!(error instanceof ReflectionError)) throw error;
        return requeueAfter(error.code === 'NameTaken' ? TAKEN_RETRY_MS : BEHIND_RETRY_MS);
      }
    },
  };

  /** Somebody has to act, so it is said on the object; what passes by itself is not. */
  function tell(local: KubeObject, error: unknown): void {
    const isTaken = error instanceof ReflectionError && error.code === 'NameTaken';
    const isRefused = error instanceof KubeError && (error.isInvalid || error.isForbidden);
    if (!isTaken && !isRefused) return;
    const object = { ...local, apiVersion: apiVersionOf(resource), kind: resource.kind };
    deps.events.event(object, 'Warning', 'FailedReflection', `${remote.peer}: ${messageOf(error)}`);
  }
}

interface Run {
  readonly wanted: TwinObject | undefined;
  readonly standing: KubeObject | undefined;
  readonly twin: Twin;
  readonly before: Applied | undefined;
}

async function act(
  step: TwinStep,
  { wanted, standing, twin, before }: Run,
  writer: TwinWriter,
): Promise<KubeObject | undefined> {
  switch (step) {
    case 'none':
      return undefined;
    case 'create':
      // A namespace that ends takes no new objects.
      return wanted === undefined || twin.state !== 'Accepted' ? undefined : await writer.create(wanted);
    case 'apply':
      if (wanted === undefined || standing === undefined) return undefined;
      return await writer.apply(wanted, standing, { isAdopted: before?.isAdopted ?? false });
    case 'replace':
      if (wanted === undefined || standing === undefined || twin.state !== 'Accepted') return undefined;
      await writer.remove(standing);
      return await writer.create(wanted);
    case 'delete':
      if (standing !== undefined) await writer.remove(standing);
      return undefined;
  }
}

function note(
  wanted: TwinObject,
  standing: KubeObject | undefined,
  answer: KubeObject,
  isAdopted: boolean,
  before: Applied | undefined,
): Applied {
  const seen = standing?.metadata.resourceVersion;
  const older = seen === undefined ? [] : [seen];
  if (before !== undefined) older.push(before.version);
  // Replaced instead of changed: what a POST made is not ours to prune yet.
  const isSame = standing?.metadata.uid === answer.metadata.uid;
  return {
    fingerprint: fingerprint(wanted),
    version: answer.metadata.resourceVersion ?? '',
    older: new Set(older),
    isAdopted: isAdopted && isSame,
  };
}

/** What an earlier process applied, going by the fingerprint that it left on the object. */
function trust(standing: KubeObject): Applied {
  const version = standing.metadata.resourceVersion ?? '';
  return { fingerprint: fingerprint(standing), version, older: new Set(), isAdopted: false };
}
