/**
 * Ingresses: routes from outside to Services of the twin, where the provider lends a class of its controllers for that.
 *
 * Which class is offered is handed in; without one nothing is copied. The class of home is never asked for there, and a
 * status that somebody at home writes is never overwritten.
 */
export { ingressReflector } from './ingress-reflector.ts';
