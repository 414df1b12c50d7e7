/**
 * Exact arithmetic on Kubernetes quantities and on what pods need.
 *
 * Counts in BigInt and never rounds; knows no object of Kubernetes beyond the few fields it reads, and no other package.
 */
export { type ContainerResources, type PodResources, podDemand, type ResourceNeeds } from './pod-demand.ts';
export { type Format, formatQuantity, parseQuantity, type Quantity, QuantityError, ZERO } from './quantity.ts';
export {
  addAmounts,
  type Amounts,
  formatAmount,
  formatAmounts,
  limitAmounts,
  maxAmounts,
  parseAmounts,
  type ResourceTexts,
  type Shortage,
  shortages,
  subtractAmounts,
} from './resource-list.ts';
