/**
 * Packet rules of gateway and agent: address translation between clusters, and what may pass at all.
 *
 * Planners turn a whole desired state into the text of one nftables table; `NatTable` loads it in one transaction, finds
 * what others changed in it and removes it. Knows ranges and devices, no Kubernetes; chooses no alias, makes no device or
 * route, and never touches a table that is not its own.
 */
export { renderAgentTable } from './agent-table.ts';
export { renderBridgeTable } from './bridge-table.ts';
export { AGENT_COUNTERS, GATEWAY_COUNTERS, type PeerRefusal, peerCounter } from './counter-names.ts';
export { NatError } from './errors.ts';
export { flushRange } from './flush-range.ts';
export { exchangeSets } from './exchange.ts';
export { renderGatewayTable } from './gateway-table.ts';
export { homeApiSets } from './home-api.ts';
export { renderIsolationBridge } from './isolation-bridge.ts';
export {
  ISOLATION_TABLE,
  type IsolationMembers,
  isolationSets,
  type IsolationState,
  type OpenPort,
  renderIsolationTable,
} from './isolation-table.ts';
export { NatTable, type NatTableOptions, type Traffic } from './nat-table.ts';
export type { Run } from './run.ts';
export { transitSets } from './transit.ts';
export type { AgentState, BridgeState, Exchange, GatewayState, HomeApi, Mapping, PeerNat } from './state.ts';
