/**
 * Aliases and anchors: which range stands for a peer's range on this side, and which address for a node.
 *
 * Decisions over ranges and nothing else: remembers nothing and asks nobody. The caller keeps the results in the status of
 * its objects, so that a restart gives the same ones (NET-05). Never talks to Kubernetes, never touches the host.
 */
export { type Alias, type AliasRecord, formatAlias, readAliases } from './alias.ts';
export {
  type AliasChoice,
  type AliasRequest,
  chooseAliases,
  DEFAULT_POOLS,
  type OwnedAlias,
} from './choose-aliases.ts';
export {
  type AnchorAllotment,
  type AnchorRequest,
  allotAnchors,
  DEFAULT_ANCHOR_SIZE,
  gatewayAnchor,
  homeApiAnchor,
} from './anchors.ts';
export {
  type AnnouncementCheck,
  type AnnouncementPolicy,
  checkAnnouncedRange,
  checkAnnouncedRanges,
  DEFAULT_ANNOUNCEMENT_POLICY,
} from './announced-ranges.ts';
export { IPAM_ERRORS, IpamError } from './errors.ts';
export { type OwnRanges, ownRangesProblem } from './own-ranges.ts';
export { translateAddress, type Translation, translationTable } from './translation.ts';
