import { parseQuantity, type Quantity } from './quantity.ts';
import { addAmounts, type Amounts, maxAmounts, parseAmounts, type ResourceTexts } from './resource-list.ts';

/** `resources` of a container or of a pod. */
export interface ResourceNeeds {
  readonly requests?: ResourceTexts | undefined;
  readonly limits?: ResourceTexts | undefined;
}

/** The part of a container that says what it needs. */
export interface ContainerResources {
  readonly restartPolicy?: string | undefined;
  readonly resources?: ResourceNeeds | undefined;
}

/** The part of a pod's spec that says what it needs. */
export interface PodResources {
  readonly containers?: readonly ContainerResources[] | undefined;
  readonly initContainers?: readonly ContainerResources[] | undefined;
  readonly overhead?: ResourceTexts | undefined;
  readonly resources?: ResourceNeeds | undefined;
}

const ONE = parseQuantity('1');

/**
 * What a pod needs, as Kubernetes counts it (NODE-33; KEP-753 for sidecars, KEP-2837 for resources of the whole pod): the
 * sum of containers and sidecars, or the greatest init step with the sidecars started before it if that is more; requests
 * of the whole pod in place of that where they are set; plus overhead; and one of `pods`.
 * @throws QuantityError where a text is no quantity
 */
export function podDemand(pod: PodResources): Map<string, Quantity> {
  const counted = withPodLevel(containerDemand(pod), pod.resources);
  const demand = addAmounts(counted, parseAmounts(pod.overhead));
  demand.set('pods', ONE);
  return demand;
}

/** Requests, with limits where a request is missing: the API server's own default. */
function requestsOf({ resources }: ContainerResources): Amounts {
  return parseAmounts({ ...resources?.limits, ...resources?.requests });
}

function containerDemand(pod: PodResources): Amounts {
  let sidecars: Amounts = new Map();
  let greatestStep: Amounts = new Map();
  for (const container of pod.initContainers ?? []) {
    const step = addAmounts(sidecars, requestsOf(container));
    greatestStep = maxAmounts(greatestStep, step);
    if (container.restartPolicy === 'Always') sidecars = step;
  }
  const running = (pod.containers ?? []).map(requestsOf).reduce(addAmounts, sidecars);
  return maxAmounts(running, greatestStep);
}

/** Only these can be set for a whole pod; others there are ignored. */
function isPodLevelResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}

/**
 * A request of the whole pod stands for those of its containers. Where only a limit of the whole pod is set, the API
 * server makes the containers' sum its request, and the limit where no container asks for that resource or where it
 * cannot be overcommitted (huge pages).
 */
function withPodLevel(containers: Amounts, resources: ResourceNeeds | undefined): Amounts {
  const result = new Map(containers);
  for (const [name, limit] of parseAmounts(resources?.limits)) {
    if (isPodLevelResource(name) && (!containers.has(name) || name.startsWith('hugepages-'))) result.set(name, limit);
  }
  for (const [name, request] of parseAmounts(resources?.requests)) {
    if (isPodLevelResource(name)) result.set(name, request);
  }
  return result;
}
