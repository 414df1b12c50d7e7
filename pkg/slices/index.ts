/**
 * Endpoints of consumers' Services in their twins: from what a consumer says of its own endpoints, slices that the
 * cluster's proxies and DNS use.
 *
 * The provider makes them, because it alone knows under which addresses it sees a consumer, and must not believe one that
 * names addresses of somebody else. It also sees first when the tunnel is lost (REF-41). Never reads or changes a slice
 * that is not made from one of a consumer.
 */
export { type Consumer, renderSlice, renderedSliceName, SLICE_MANAGER } from './render-slice.ts';
export { rawKeyOf, type SliceDeps, sliceReconciler } from './slice-reconciler.ts';
