/**
 * `work`, or the signal's reason as soon as it aborts. undici hears of an abort only once a request has a connection:
 * while one is being opened (10 s to a black hole) or all are taken, the caller would wait in vain. The request itself
 * is dropped by undici when its turn comes.
 */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abandon = () => reject(signal.reason);
    if (signal.aborted) abandon();
    else signal.addEventListener('abort', abandon, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abandon));
  });
}
