import { IPAM_ERRORS } from '#network/ipam';
import { type Condition, type ConditionUpdate, getCondition, PEER, type Peer, setCondition, typeMeta } from '#pkg/api';
import { isNotFound, type KubeClient } from '#pkg/kube';

const TYPE = 'NetworkReady';

/**
 * One manager for both that write this condition, so that whoever writes last owns all of it: of two managers that own parts
 * of one entry, the one that lets go leaves an entry without its required fields, which the API server refuses.
 */
const FIELD_MANAGER = 'tombolo-network-ready';

/** Whether the condition is about ranges: said by who agrees them, and more than that a gateway answers or does not. */
export function isAboutRanges(condition: Condition | undefined): boolean {
  return condition !== undefined && condition.reason in IPAM_ERRORS;
}

/**
 * Sets or removes the condition `NetworkReady` of a Peer; nothing is written where it stands so.
 * @param update absent: remove it
 * @returns whether it was written
 */
export async function writeNetworkReady(
  client: KubeClient,
  { metadata: { name, uid }, status }: Peer,
  update: ConditionUpdate | undefined,
  now: Date,
  signal: AbortSignal,
): Promise<boolean> {
  const standing = getCondition(status?.conditions, TYPE);
  const wanted = update && getCondition(setCondition(status?.conditions, update, now), TYPE);
  if (standing === wanted) return false;
  const body = {
    ...typeMeta(PEER),
    // The uid keeps the apply from making a new Peer where this one was deleted meanwhile.
    metadata: { name, ...(uid !== undefined && { uid }) },
    status: { conditions: wanted === undefined ? [] : [wanted] },
  };
  const options = { fieldManager: FIELD_MANAGER, force: true, subresource: 'status', signal };
  try {
    await client.apply<Peer>(PEER, body, options);
  } catch (error) {
    if (!isNotFound(error)) throw error; // a Peer that is gone needs no status
  }
  return true;
}
