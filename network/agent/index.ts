/**
 * The agent of a node: its end of the overlay to the gateway, routes by range, and the rules that keep addresses of pods
 * and lend hosts their anchor.
 *
 * Routes and rules follow ranges and nodes, never pods: those are elements of sets, which keep pods that run for others
 * apart from the rest of the cluster. Touches devices, tables and routes of its own names alone.
 */
export { writeProblem } from './node-problem.ts';
export { type AgentDeps, cleanupNode, runAgent } from './run-agent.ts';
export { type IsolationDeps, runIsolation } from './run-isolation.ts';
