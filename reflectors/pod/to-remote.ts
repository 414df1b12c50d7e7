import { ANNOTATION, LABEL, NAME, type Placement, TAINT } from '#pkg/api';
import type { ObjectMeta, Pod, ReplicaSet } from '#pkg/kube';
import { stripMetadata, twinConfigMapName } from '#reflectors/framework';
import { type ApiContext, apiAccessOf, type ApiRewrite, apiRewrite } from './api-access.ts';
import { COPIED_KEYS, copiedKeys, HOME_HASH, homeHash } from './applied.ts';
import { type DownwardRewrite, downwardRewrite } from './downward.ts';
import { type Container, omit, type PodSpec, type Toleration, type Volume } from './pod-types.ts';
import { type RemoteLabels, remoteLabels } from './remote-labels.ts';
import { projectsToken } from './service-account-tokens.ts';
import { spreadOverHosts } from './spread.ts';
import { finalizersFor } from './verdict-finalizer.ts';

/** What a remote pod takes from anywhere else than the local pod. */
export interface RemoteContext extends RemoteLabels, ApiContext {
  /** The twin namespace, and the UID of the ConfigMap in it that owns bare pods. */
  readonly twin: { readonly namespace: string; readonly ownerUid?: string };
  readonly placement: Placement;
  /** Prefixes of labels and annotations that a ReflectionPolicy keeps at home. */
  readonly denyPrefixes?: readonly string[];
}

/** The bare Pod for a local pod. A garbage-collected twin ConfigMap takes it along, and `kubectl drain` accepts it. */
export function toRemotePod(local: Pod, context: RemoteContext): Pod {
  const { metadata, spec } = remoteTemplate(local, context);
  const finalizers = finalizersFor(local);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: local.metadata.name,
      namespace: context.twin.namespace,
      ...metadata,
      ownerReferences: ownersOf(context.twin),
      ...(finalizers.length > 0 && { finalizers }),
    },
    spec,
  };
}

/** Owner of a bare pod. */
export function ownersOf({ ownerUid }: RemoteContext['twin']): NonNullable<ObjectMeta['ownerReferences']> {
  if (ownerUid === undefined) return [];
  return [{ apiVersion: 'v1', kind: 'ConfigMap', name: NAME.twinOwner, uid: ownerUid, controller: true }];
}

/**
 * The ReplicaSet of 1 for a local pod. Its selector is the UID label alone, so it can never take a pod of anybody else,
 * nor one of an older local pod of the same name.
 */
export function toRemoteReplicaSet(local: Pod, context: RemoteContext): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: local.metadata.name,
      namespace: context.twin.namespace,
      labels: remoteLabels(local, context),
      annotations: { [HOME_HASH]: homeHash(local, context.denyPrefixes) },
    },
    spec: {
      replicas: 1,
      selector: { matchLabels: { [LABEL.podUid]: local.metadata.uid ?? '' } },
      template: remoteTemplate(local, context),
    },
  };
}

/**
 * Fields that mean something only at home (kubernetes-facts 4): where to run, with which priority, as which account. The
 * provider's scheduler, defaults and placement take their place. Ephemeral containers cannot be created with a pod.
 */
const HOME_ONLY = [
  'nodeName',
  'nodeSelector',
  'affinity',
  'schedulerName',
  'priority',
  'priorityClassName',
  'preemptionPolicy',
  'overhead',
  'serviceAccountName',
  'serviceAccount',
  'schedulingGates',
  'resourceClaims',
  'ephemeralContainers',
] as const satisfies readonly (keyof PodSpec)[];

/**
 * Metadata and spec of the remote pod: the local one, unchanged except for what this file and `downward.ts` name. Fields
 * newer than this code travel through (POD-03); what the provider may refuse is never changed silently (POD-07). Pure.
 */
export function remoteTemplate(
  local: Pod,
  context: RemoteContext,
): { metadata: Omit<ObjectMeta, 'name'>; spec: PodSpec } {
  const source: PodSpec = local.spec ?? { containers: [] };
  const copied = stripMetadata(local.metadata, { isPod: true, denyPrefixes: context.denyPrefixes ?? [] });
  const downward = downwardRewrite(local, copied);
  const api = apiRewrite(local, context);
  const isProviders = apiAccessOf(local, context.apiAccess) === 'provider';
  const container = containerRewrite(downward, api);

  const spec: PodSpec = {
    ...omit(source, HOME_ONLY),
    containers: source.containers.map(container),
    ...api.spec,
    ...hostnameOf(local),
    ...runtimeClassOf(local, context.placement),
    ...affinityOf(local, copied.labels, context.placement),
  };
  if (source.initContainers !== undefined) spec.initContainers = source.initContainers.map(container);
  if (source.volumes !== undefined) {
    spec.volumes = api
      .volumes(source.volumes)
      // Beside a token of the provider belongs the provider's CA.
      .map((volume) => (isProviders && projectsToken(volume) ? volume : withTwinConfigMapVolume(volume)))
      .map((volume) => downward.volume(volume));
  }
  const tolerations = remoteTolerations(source.tolerations ?? [], context.placement);
  if (tolerations.length > 0 || source.tolerations !== undefined) spec.tolerations = tolerations;
  if (context.placement.nodeSelector !== undefined) spec.nodeSelector = { ...context.placement.nodeSelector };

  return {
    metadata: {
      labels: { ...copied.labels, ...remoteLabels(local, context) },
      annotations: {
        ...copied.annotations,
        ...downward.annotations,
        [ANNOTATION.homeName]: local.metadata.name,
        [COPIED_KEYS]: copiedKeys(copied),
      },
    },
    spec,
  };
}

/** How a container of `local` is written there, whenever it comes to the pod (POD-62). */
export function remoteContainer(local: Pod, context: RemoteContext): <T extends Container>(container: T) => T {
  const copied = stripMetadata(local.metadata, { isPod: true, denyPrefixes: context.denyPrefixes ?? [] });
  return containerRewrite(downwardRewrite(local, copied), apiRewrite(local, context));
}

function containerRewrite(downward: DownwardRewrite, api: ApiRewrite): <T extends Container>(container: T) => T {
  // Each step keeps the fields that it does not name, so what is more than a container stays.
  return <T extends Container>(container: T) =>
    downward.container(withTwinConfigMaps(api.container(withoutHomeDevices(container)))) as T;
}

/** The toleration of virtual nodes is for the home scheduler; those of the placement come last (POD-06). */
export function remoteTolerations(local: readonly Toleration[], placement: Placement): Toleration[] {
  const kept = local.filter((toleration) => toleration.key !== TAINT.virtualNode);
  return [...kept, ...((placement.tolerations ?? []) as Toleration[])];
}

/** Longest hostname that the kernel takes (`sethostname`, and a DNS label). */
const HOSTNAME_LENGTH = 63;

/**
 * A real node gives the pod its own name as hostname, which the name of the remote pod would not be (POD-46). Cut like
 * the kubelet does (truncatePodHostnameIfNeeded); the field allows no dots, so they become dashes (POD-14).
 */
function hostnameOf(local: Pod): Pick<PodSpec, 'hostname'> {
  if (local.spec?.hostname || local.spec?.hostnameOverride !== undefined) return {};
  const cut = local.metadata.name.slice(0, HOSTNAME_LENGTH).replace(/[-.]+$/, '');
  return { hostname: cut.replaceAll('.', '-') };
}

/** Annotation wins over pod over placement (POD-08). */
function runtimeClassOf(local: Pod, placement: Placement): Pick<PodSpec, 'runtimeClassName'> {
  const name =
    local.metadata.annotations?.[ANNOTATION.remoteRuntimeClass] ??
    local.spec?.runtimeClassName ??
    placement.runtimeClassName;
  return name === undefined ? {} : { runtimeClassName: name };
}

function affinityOf(local: Pod, labels: Record<string, string>, placement: Placement): Pick<PodSpec, 'affinity'> {
  const spread = local.metadata.annotations?.[ANNOTATION.remoteSpread];
  const affinity: NonNullable<PodSpec['affinity']> = {};
  if (placement.nodeAffinity !== undefined) affinity.nodeAffinity = placement.nodeAffinity;
  if (spread === 'soft' || spread === 'hard') affinity.podAntiAffinity = spreadOverHosts(spread, labels);
  return Object.keys(affinity).length === 0 ? {} : { affinity };
}

/** Without devices that the home scheduler allocated. */
function withoutHomeDevices(container: Container): Container {
  if (container.resources?.claims === undefined) return container;
  return { ...container, resources: omit(container.resources, ['claims']) };
}

function withTwinConfigMaps(container: Container): Container {
  const result = { ...container };
  if (container.envFrom !== undefined) {
    result.envFrom = container.envFrom.map((source) =>
      source.configMapRef === undefined ? source : { ...source, configMapRef: renamed(source.configMapRef) },
    );
  }
  if (container.env !== undefined) {
    result.env = container.env.map((variable) =>
      variable.valueFrom?.configMapKeyRef === undefined
        ? variable
        : {
            ...variable,
            valueFrom: { ...variable.valueFrom, configMapKeyRef: renamed(variable.valueFrom.configMapKeyRef) },
          },
    );
  }
  return result;
}

function withTwinConfigMapVolume(volume: Volume): Volume {
  if (volume.configMap !== undefined) return { ...volume, configMap: renamed(volume.configMap) };
  if (volume.projected?.sources === undefined) return volume;
  const sources = volume.projected.sources.map((source) =>
    source.configMap === undefined ? source : { ...source, configMap: renamed(source.configMap) },
  );
  return { ...volume, projected: { ...volume.projected, sources } };
}

function renamed<T extends { name?: string }>(reference: T): T {
  return reference.name === undefined ? reference : { ...reference, name: twinConfigMapName(reference.name) };
}
