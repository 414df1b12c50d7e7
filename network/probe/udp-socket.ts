import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type Clock, decorrelatedJitter, errorFields, type Log } from '#pkg/runtime';

/** The address comes with the overlay, at about the time of the first try. */
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

export interface UdpSocketOptions {
  /** Own address and port; IPv6 takes IPv6 only. */
  readonly address: string;
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly onDatagram: (bytes: Buffer, from: string) => void;
}

/** One bound UDP socket, made anew when it breaks. */
export class UdpSocket {
  readonly #options: UdpSocketOptions;
  #bound: Socket | undefined;

  constructor(options: UdpSocketOptions) {
    this.#options = options;
  }

  /** To the same port at `address`. Dropped while there is no socket, and where the network refuses: UDP promises nothing. */
  send(bytes: Buffer, address: string): void {
    // Without a callback, a refusal (no route, no endpoint yet) would be an error of the whole socket.
    this.#bound?.send(bytes, this.#options.port, address, () => {});
  }

  /** Binds, and again with back-off while that fails. Ends when `signal` aborts, with the socket closed. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { address, port, clock, log } = this.#options;
    const backoff = decorrelatedJitter({ minMs: MIN_RETRY_MS, maxMs: MAX_RETRY_MS });
    let isReported = false;
    while (!signal.aborted) {
      try {
        await this.#serve(signal, () => {
          if (isReported) log.info({ address, port }, 'the socket of the probes is there');
          backoff.reset();
          isReported = false;
        });
      } catch (error) {
        if (!isReported)
          log.warn({ address, port, ...errorFields(error) }, 'the socket of the probes is not there yet');
        isReported = true;
      }
      // Its only error is the abort, which the loop sees.
      await clock.sleep(backoff.next(), signal).catch(() => {});
    }
  }

  /** Resolves when the signal aborts, rejects when the socket cannot be bound or breaks. */
  async #serve(signal: AbortSignal, onBound: () => void): Promise<void> {
    const { address, port, onDatagram } = this.#options;
    const isV6 = isIPv6(address);
    const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6 });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.on('message', (bytes, { address: from }) => onDatagram(bytes, from));
    socket.on('error', reject);
    socket.once('listening', () => {
      this.#bound = socket;
      onBound();
    });
    const onAbort = (): void => resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      socket.bind({ address, port });
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#bound = undefined;
      socket.close();
    }
  }
}
