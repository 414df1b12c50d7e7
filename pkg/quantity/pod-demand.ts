import { parseQuantity, type Quantity } from './quantity.ts';
import { addAmounts, type Amounts, maxAmounts, parseAmounts, type ResourceTexts } from './resource-list.ts';

/** The part of a container that says what it needs. */
export interface ContainerResources {
  readonly restartPolicy?: string | undefined;
  readonly resources?:
    | { readonly requests?: ResourceTexts | undefined; readonly limits?: ResourceTexts | undefined }
    | undefined;
}

/** The part of a pod's spec that says what it needs. */
export interface PodResources {
  readonly containers?: readonly ContainerResources[] | undefined;
  readonly initContainers?: readonly ContainerResources[] | undefined;
  readonly overhead?: ResourceTexts | undefined;
  readonly resources?:
    | { readonly requests?: ResourceTexts | undefined; readonly limits?: ResourceTexts | undefined }
    | undefined;
}

/** Requests, with limits where a request is missing (the API server's own default). */
function requestsOf(container: ContainerResources): Amounts {
  return parseAmounts({ ...container.resources?.limits, ...container.resources?.requests });
}

/**
 * What a pod needs, as Kubernetes counts it (NODE-33; KEP-753 for sidecars, KEP-2837 for pod-level resources): the sum of
 * containers and sidecars, or the greatest init step with the sidecars started before it if that is more; pod-level
 * requests win where set; plus overhead; and one of `pods`.
 * @throws QuantityError where a text is no quantity
 */
export function podDemand(pod: PodResources): Map<string, Quantity> {
  let sidecars: Amounts = new Map();
  let greatestStep: Amounts = new Map();
  for (const container of pod.initContainers ?? []) {
    const requests = requestsOf(container);
    if (container.restartPolicy === 'Always') {
      sidecars = addAmounts(sidecars, requests);
      greatestStep = maxAmounts(greatestStep, sidecars);
    } else {
      greatestStep = maxAmounts(greatestStep, addAmounts(sidecars, requests));
    }
  }
  const running = (pod.containers ?? []).reduce<Amounts>(
    (sum, container) => addAmounts(sum, requestsOf(container)),
    sidecars,
  );
  const podLevel = requestsOf({ resources: pod.resources });
  const counted = new Map([...maxAmounts(running, greatestStep), ...podLevel]);
  const demand = addAmounts(counted, parseAmounts(pod.overhead));
  demand.set('pods', parseQuantity('1'));
  return demand;
}
