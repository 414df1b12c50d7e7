/**
 * ConfigMaps: copied whole.
 *
 * Never touches the `kube-root-ca.crt` that the provider publishes in the twin; the one of home gets another name there.
 */
import { CONFIG_MAP } from '#pkg/kube';
import { defineReflector, HOME_ROOT_CA, pick, twinConfigMapName } from '#reflectors/framework';

/** Helm keeps releases in ConfigMaps where it is told to; they are state of a tool at home. */
const HELM_RELEASE = 'sh.helm.release.v1.';

export const configMapReflector = defineReflector({
  resource: CONFIG_MAP,
  twinName: twinConfigMapName,
  toTwin(local) {
    const { name } = local.metadata;
    // The name is taken in the twin by the home cluster's CA.
    if (name === HOME_ROOT_CA || name.startsWith(HELM_RELEASE)) return undefined;
    return { fields: pick(local, 'data', 'binaryData', 'immutable') };
  },
});
