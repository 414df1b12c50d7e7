/**
 * The agent of a node: its end of the overlay to the gateway, routes by range, and the rules that keep addresses of pods
 * and lend hosts their anchor.
 *
 * Follows ranges and nodes, never pods: their coming and going changes nothing here. Touches devices, tables and routes of
 * its own names alone.
 */
export { writeProblem } from './node-problem.ts';
export { type AgentDeps, cleanupNode, runAgent } from './run-agent.ts';
