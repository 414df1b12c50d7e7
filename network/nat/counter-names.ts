import { safeName } from './nft-text.ts';

/**
 * Why a packet of or to a peer was refused: no valid part of a connection, sent to something not announced to it, or
 * between addresses that have nothing to do with each other.
 */
export type PeerRefusal = 'invalid' | 'destination' | 'isolated';

/** The counter of refused packets that came through the tunnel from `peer`. */
export function peerCounter(peer: string, refusal: PeerRefusal): string {
  return `${refusal}_${safeName(peer)}`;
}

/** Counters of the gateway that belong to no peer. */
export const GATEWAY_COUNTERS = {
  /** Came through the tunnel from an address that is no peer's. */
  source: 'refused_source',
  /** Addressed to the gateway itself. */
  local: 'refused_local',
  /** To leave the tunnel for anything but the overlay, or between peers that may not. */
  inbound: 'refused_inbound',
  /** To enter the tunnel from an address that was not announced to that peer. */
  outbound: 'refused_outbound',
  /** Outer packets of the overlay from somebody who is no node. */
  overlay: 'refused_overlay',
} as const;

/** Counters of the agent. */
export const AGENT_COUNTERS = {
  /** Outer packets of the overlay that no gateway and no node sent. */
  overlay: 'refused_overlay',
  /** Came by the overlay and belongs to no connection although it should. */
  invalid: 'refused_invalid',
  /** Came by the overlay from an address that is no peer's. */
  source: 'refused_source',
  /** Came by the overlay for something that is neither a pod nor open on the anchor. */
  destination: 'refused_destination',
  /** From a pod of a twin to something in this cluster that is not for it. */
  twinOut: 'refused_twin_out',
  /** To a pod of a twin from a pod that has nothing to do with it. */
  twinIn: 'refused_twin_in',
  /** From a pod of a twin to this node. */
  twinToNode: 'refused_twin_to_node',
  /** From this node to a pod of a twin on another one. */
  nodeToTwin: 'refused_node_to_twin',
} as const;
