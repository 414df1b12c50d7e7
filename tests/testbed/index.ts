/**
 * Real Kubernetes clusters on one machine, for tests, demo and benchmarks.
 *
 * Each node is a network namespace with its own containerd and kubelet; programs are the unmodified ones of Kubernetes.
 * Knows nothing of what Tombolo does: it installs it as a user would. Touches nothing on the host that does not carry
 * the name of its bed.
 */
export type { BedRequest, Ranges } from './address-plan.ts';
export { type Bed, openBed } from './bed.ts';
export type { BedCluster, BedNode, NodeOption } from './cluster.ts';
export type { Component } from './component-names.ts';
export { TestbedError, type TestbedErrorCode } from './errors.ts';
export { type Progress, progress } from './progress.ts';
export { downTestbed, type TestbedOptions, upTestbed, type UpOptions } from './testbed.ts';
