import { createConnection } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { WireguardError } from './errors.ts';
import { answerErrno } from './uapi.ts';

/** An answer comes within a millisecond; a program that takes this long hangs. */
const ANSWER_TIMEOUT_MS = 5_000;

/** 1,000 peers with 100 ranges each are 3 MB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/**
 * One request to a userspace WireGuard over its unix socket: no fork, no secret in arguments or on disk.
 * @throws WireguardError `DeviceBusy` where the port is taken, `DeviceRefused` for other errno, `DeviceUnavailable`; or the
 *   reason of `signal`
 */
export async function askUapi(device: string, path: string, request: string, signal: AbortSignal): Promise<string> {
  const attempted = request.startsWith('get') ? 'read a WireGuard device' : 'configure a WireGuard device';
  const answer = await exchange(path, request, signal).catch((cause: unknown) => {
    if (signal.aborted) throw signal.reason;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new WireguardError('DeviceUnavailable', { attempted, where: device, why }, { cause });
  });
  const errno = answerErrno(answer) ?? 0;
  if (errno === 0) return answer;
  const name = getSystemErrorName(-errno);
  throw new WireguardError(name === 'EADDRINUSE' ? 'DeviceBusy' : 'DeviceRefused', {
    attempted,
    where: device,
    why: name === 'EADDRINUSE' ? 'the UDP port is taken by another program' : `it answered ${name}`,
  });
}

function exchange(path: string, request: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    let answer = '';
    const onAbort = (): void => void socket.destroy(new Error('stopped'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => {
      socket.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`));
    });
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(request));
    socket.on('data', (text: string) => {
      answer += text;
      if (answerErrno(answer) !== undefined) socket.end();
      else if (answer.length > MAX_ANSWER_BYTES) socket.destroy(new Error(`an answer above ${MAX_ANSWER_BYTES} bytes`));
    });
    socket.on('error', reject);
    socket.on('close', () => {
      signal.removeEventListener('abort', onAbort);
      if (answerErrno(answer) === undefined) reject(new Error('the connection ended before the answer'));
      else resolve(answer);
    });
  });
}
