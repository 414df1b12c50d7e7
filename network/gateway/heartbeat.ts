import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { SecretKey } from '#network/wireguard';

/** What replicas tell each other, several times a second, over the pod network. */
export interface Heartbeat {
  /** UID of the sender's pod. */
  readonly from: string;
  /** The highest epoch that it knows; of the active one its own. */
  readonly epoch: number;
  /** Whether it forwards; false from one that did says that it is leaving. */
  readonly isActive: boolean;
  /** Grows with each message of a sender: an old one, sent again by somebody, is seen as such. */
  readonly sequence: number;
}

const MAC_BYTES = 32;
const MAX_BYTES = 512;

const schema = z.object({
  from: z.string().max(64),
  epoch: z.int().min(0),
  isActive: z.boolean(),
  sequence: z.int().min(0),
});

/** Derived, so that the tunnel's key itself is used for nothing else. */
function macKey(key: SecretKey): Buffer {
  return createHmac('sha256', Buffer.from(key.hex(), 'hex')).update('tombolo gateway heartbeat').digest();
}

/** Signs and checks heartbeats with what only replicas of one gateway have: its key. */
export function heartbeatCodec(key: SecretKey): {
  encode(heartbeat: Heartbeat): Buffer;
  /** `undefined` for everything that no replica sent. */
  decode(datagram: Uint8Array): Heartbeat | undefined;
} {
  // As a KeyObject: with bytes each MAC would first find out what they are, which costs more than the MAC.
  const secret = createSecretKey(macKey(key));
  const macOf = (body: Uint8Array) => createHmac('sha256', secret).update(body).digest();
  return {
    encode(heartbeat) {
      const body = Buffer.from(JSON.stringify(heartbeat));
      return Buffer.concat([macOf(body), body]);
    },
    decode(datagram) {
      if (datagram.length <= MAC_BYTES || datagram.length > MAX_BYTES) return undefined;
      const body = datagram.subarray(MAC_BYTES);
      if (!timingSafeEqual(macOf(body), datagram.subarray(0, MAC_BYTES))) return undefined;
      // Authentic, so by a replica; one of another version may still say other things.
      return schema.safeParse(JSON.parse(Buffer.from(body).toString())).data;
    },
  };
}
