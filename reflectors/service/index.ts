/**
 * Services: their names, ports and selectors, so that a pod in the twin finds what it finds at home.
 *
 * A twin Service keeps its selector. Remote pods keep their own labels, so the provider's controllers give it the pods of
 * the twin as endpoints by themselves; endpoints elsewhere come beside those in slices of their own
 * (`reflectors/endpoint-slice`). What belongs to one cluster is never copied: cluster addresses, external addresses, the
 * load balancers of home. Node ports and load balancers of the provider are used as far as it offers them. The Service of
 * the API server is the provider's.
 */
export { type ServiceNoticeDeps, type ServiceNotices, serviceNotices } from './notices.ts';
export { notReflected, type OfferView, serviceReflector } from './service-reflector.ts';
