/**
 * ConfigMaps: copied whole.
 *
 * Never touches the `kube-root-ca.crt` that the provider publishes in the twin; the one of home gets another name there.
 */
import { NAME } from '#pkg/api';
import { CONFIG_MAP } from '#pkg/kube';
import { defineReflector, HOME_ROOT_CA, pick, ROOT_CA, twinConfigMapName } from '#reflectors/framework';

/** Helm keeps releases in ConfigMaps where it is told to; they are state of a tool at home. */
const HELM_RELEASE = 'sh.helm.release.v1.';

export const configMapReflector = defineReflector({
  resource: CONFIG_MAP,
  twinName: twinConfigMapName,
  // Every pod with a token mounts it; it is public.
  isNeeded: ({ metadata: { name } }) => name === ROOT_CA,
  toTwin(local) {
    const { name } = local.metadata;
    // These names are taken in the twin: by the home cluster's CA and by the owner of bare pods.
    if (name === HOME_ROOT_CA || name === NAME.twinOwner || name.startsWith(HELM_RELEASE)) return undefined;
    return { fields: pick(local, 'data', 'binaryData', 'immutable') };
  },
});
