import { LABEL } from '#pkg/api';
import { KubeError, type KubeClient, type KubeObject, type Resource } from '#pkg/kube';
import { ReflectionError } from './errors.ts';
import { adoptCreatedFields } from './managed-fields.ts';
import type { TwinObject } from './twin-object.ts';

/** The one field manager of all reflection. */
export const FIELD_MANAGER = 'tombolo-reflection';

/** How the API server says that only another object can have that value; the second is of `spec.loadBalancerClass`. */
const IMMUTABLE = /immutable|may not change once set/i;

export interface TwinWriter {
  /**
   * By POST, never by apply: an apply would take over an object of somebody else.
   * Answers with the metadata of what stands there now, as `apply` does.
   * @throws ReflectionError `NameTaken` (retryable) where one stands there; `CacheBehind` (retryable) where it is ours
   */
  create(twin: TwinObject): Promise<KubeObject>;
  /** Makes our fields equal to `twin` and leaves those of others; replaces the object where the API forbids the change. */
  apply(twin: TwinObject, standing: KubeObject, options: { readonly isAdopted: boolean }): Promise<KubeObject>;
  /** Deletes exactly this object. */
  remove(standing: KubeObject): Promise<void>;
}

export interface TwinWriterOptions {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly peer: string;
  readonly origin: string;
  readonly signal: AbortSignal;
}

export function twinWriter({ client, resource, peer, origin, signal }: TwinWriterOptions): TwinWriter {
  const refOf = ({ metadata: { name, namespace } }: KubeObject) => ({
    name,
    ...(namespace !== undefined && { namespace }),
  });
  const describe = ({ metadata: { name, namespace } }: KubeObject) =>
    `${resource.kind} ${namespace}/${name} on ${peer}`;

  const create = async (twin: TwinObject): Promise<KubeObject> => {
    try {
      return await client.create(resource, twin, { metadataOnly: true, signal });
    } catch (error) {
      if (!(error instanceof KubeError && error.isAlreadyExists)) throw error;
      const standing = await client.get(resource, refOf(twin), { signal });
      const isOurs = standing.metadata.labels?.[LABEL.origin] === origin;
      throw new ReflectionError(isOurs ? 'CacheBehind' : 'NameTaken', {
        attempted: 'copy',
        where: describe(twin),
        why: isOurs ? 'it was made a moment ago' : 'an object of somebody else has that name',
      });
    }
  };

  const remove = async (standing: KubeObject): Promise<void> => {
    const { uid } = standing.metadata;
    try {
      await client.delete(resource, refOf(standing), { ...(uid !== undefined && { uid }), signal });
    } catch (error) {
      // Gone, or made anew by somebody: neither is ours to delete.
      if (!(error instanceof KubeError && (error.isNotFound || error.isConflict))) throw error;
    }
  };

  /** Once per object: see `managed-fields.ts`. */
  const adopt = async (standing: KubeObject): Promise<void> => {
    const { metadata } = await client.get(resource, refOf(standing), { signal });
    const value = adoptCreatedFields(metadata.managedFields ?? [], FIELD_MANAGER);
    if (value === undefined) return;
    const steps = [
      { op: 'test', path: '/metadata/uid', value: standing.metadata.uid },
      { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
      { op: 'replace', path: '/metadata/managedFields', value },
    ];
    await client.patch(resource, refOf(standing), steps, { type: 'json', signal });
  };

  return {
    create,
    remove,
    async apply(twin, standing, { isAdopted }) {
      const { uid } = standing.metadata;
      // The UID makes it a conflict instead of a new object where the twin was replaced meanwhile.
      const body = { ...twin, metadata: { ...twin.metadata, ...(uid !== undefined && { uid }) } };
      try {
        if (!isAdopted) await adopt(standing);
        return await client.apply(resource, body, {
          fieldManager: FIELD_MANAGER,
          force: true,
          metadataOnly: true,
          signal,
        });
      } catch (error) {
        if (!(error instanceof KubeError && error.isInvalid && IMMUTABLE.test(error.why))) throw error;
        await remove(standing);
        return await create(twin);
      }
    },
  };
}
