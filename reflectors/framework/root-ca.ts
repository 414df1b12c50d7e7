/** Published by the controller manager in every namespace: the CA of that cluster's API server. */
export const ROOT_CA = 'kube-root-ca.crt';

/** The provider publishes its own {@link ROOT_CA} in the twin, so the home cluster's needs another name there (POD-57). */
export const HOME_ROOT_CA = 'tombolo-home-root-ca';

/** Name in the twin of the ConfigMap that is called `name` at home: what volumes and env of remote pods refer to. */
export function twinConfigMapName(name: string): string {
  return name === ROOT_CA ? HOME_ROOT_CA : name;
}
