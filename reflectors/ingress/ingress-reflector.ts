import { INGRESS } from '#pkg/kube';
import { defineReflector, type Reflector } from '#reflectors/framework';

/** How a class was named before `ingressClassName` (networking.k8s.io/v1beta1); controllers still read it, and first. */
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

/**
 * Ingresses for one provider (REF-45). Hosts, paths, backends and TLS are those of home: the Services and Secrets that they
 * name have the same names in the twin.
 * @param offeredClass name of the class that the provider offers now; undefined: none, so every copy goes
 * @param onChange its `handler` runs after the offered class may have changed
 */
export function ingressReflector(
  offeredClass: () => string | undefined,
  onChange: (handler: () => void) => Disposable,
): Reflector {
  return defineReflector({
    resource: INGRESS,
    onChange,
    loadBalancer: { isReported: () => offeredClass() !== undefined },
    toTwin(local) {
      const ingressClassName = offeredClass();
      if (ingressClassName === undefined) return undefined;
      return { fields: { spec: { ...local.spec, ingressClassName } }, dropKeys: [CLASS_ANNOTATION] };
    },
  });
}
