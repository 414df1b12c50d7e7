import { type Device, generatePrivateKey, openDevice, publicKeyOf } from '#network/wireguard';
import { silentLog } from '#pkg/runtime';
import { enter, type Place } from './place.ts';

/** Neither a NodePort nor one that the kernel gives to clients. */
const PORT = 20_999;
/** TEST-NET-3 (RFC 5737): no cluster has it. */
const ADDRESSES = ['203.0.113.1', '203.0.113.2'] as const;

export interface End {
  /** Where its wireguard-go runs. */
  readonly place: Place;
  /** Address of that place, where the other end dials it. */
  readonly address: string;
  /** Name of the interface; the sockets of all of them are in one folder of the machine. */
  readonly device: string;
}

export interface RawTunnel extends AsyncDisposable {
  /** Address of the second end inside the tunnel. */
  readonly address: string;
}

/** wireguard-go and nothing else between two places: no NAT, no overlay, no filter. Closing it takes it away. */
export async function rawTunnel(
  ends: readonly [End, End],
  options: { readonly program: string; readonly mtuBytes: number },
  signal: AbortSignal,
): Promise<RawTunnel> {
  const keys = [generatePrivateKey(), generatePrivateKey()] as const;
  const devices: Device[] = [];
  const close = async () => {
    for (const device of devices) await device.cleanup(AbortSignal.timeout(30_000));
  };
  try {
    for (const at of [0, 1] as const) {
      const [own, other] = [ends[at], ends[1 - at] ?? ends[0]];
      const device = await openDevice({
        name: own.device,
        signal,
        log: silentLog,
        implementation: 'userspace',
        wireguardGo: options.program,
        enter: enter(own.place),
      });
      devices.push(device);
      const peer = {
        publicKey: publicKeyOf(keys[1 - at] ?? keys[0]),
        endpoint: `${other.address}:${PORT}`,
        allowedIps: [`${ADDRESSES[1 - at]}/32`],
      };
      const config = {
        privateKey: keys[at],
        listenPort: PORT,
        mtuBytes: options.mtuBytes,
        addresses: [`${ADDRESSES[at]}/24`],
        peers: [peer],
      };
      await device.apply(config, signal);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { address: ADDRESSES[1], [Symbol.asyncDispose]: close };
}
