import { parsePrivateKey, type SecretKey } from '#network/wireguard';
import type { Informer, Secret } from '#pkg/kube';

/** The key of this cluster's gateway, as its Secret holds it now. */
export class GatewayKey {
  readonly #secrets: Informer<Secret>;
  readonly #file: string;
  #parsed: { readonly data: string; readonly key: SecretKey } | undefined;

  /** @param secrets the Secret of the key and nothing else @param file under which name it holds the key */
  constructor(secrets: Informer<Secret>, file: string) {
    this.#secrets = secrets;
    this.#file = file;
  }

  /** Undefined while there is none: the controller makes it. Cheap: asked for with each heartbeat. @throws WireguardError */
  current(): SecretKey | undefined {
    const data = this.#secrets.list()[0]?.data?.[this.#file];
    if (data === undefined) return undefined;
    if (this.#parsed?.data !== data) {
      this.#parsed = { data, key: parsePrivateKey(Buffer.from(data, 'base64').toString()) };
    }
    return this.#parsed.key;
  }

  /** Resolves once the Secret is there; rejects when `signal` aborts. */
  first(signal: AbortSignal): Promise<void> {
    return new Promise((done, fail) => {
      const look = () => {
        if (this.#secrets.size === 0) return;
        subscription[Symbol.dispose]();
        signal.removeEventListener('abort', onAbort);
        done();
      };
      const onAbort = () => {
        subscription[Symbol.dispose]();
        fail(signal.reason);
      };
      const subscription = this.#secrets.on(() => queueMicrotask(look));
      signal.addEventListener('abort', onAbort, { once: true });
      look();
    });
  }
}
