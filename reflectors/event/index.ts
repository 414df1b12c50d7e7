/**
 * Events, from the twins back to this cluster: what happens to a remote pod, its wrapper or the copy of another object
 * stands on the object here, where `kubectl describe` looks for it (REF-52).
 *
 * The only kind that is read there and written here. Nothing is kept of what is read but what waits to be written. Warnings
 * are always told; of what goes well as much as an allowance lets through (docs/adr/0013-events-of-twins.md). Never writes
 * about an object that is not here, and never to the provider.
 */
export { type EventReflectorDeps, runEventReflector } from './run-events.ts';
