/**
 * The small load of `npm run bench -- network`, run by it inside a network namespace:
 *
 *   load.ts serve ECHO_PORT HTTP_PORT              echoes bytes on one port, answers HTTP on the other
 *   load.ts latency HOST PORT SECONDS              one byte there and back, one at a time; prints percentiles
 *   load.ts http HOST PORT SECONDS CONNECTIONS     requests on open connections, one at a time each; prints their rate
 */
import { createServer as createHttpServer } from 'node:http';
import { createConnection, createServer, type Socket } from 'node:net';

/** Of the time of measuring: compilers and TCP windows have settled then. */
const WARM_UP = 0.2;

const [verb, ...args] = process.argv.slice(2);
const [first = '', second = '', third = '', fourth = ''] = args;
if (verb === 'serve') serve(Number(first), Number(second));
else if (verb === 'latency') print(await latency(first, Number(second), Number(third)));
else if (verb === 'http') print(await http(first, Number(second), Number(third), Number(fourth)));
else throw new Error(`load.ts knows no “${verb}”`);

function print(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

function serve(echoPort: number, httpPort: number): void {
  createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy()); // a client that goes away is how a measurement ends
    socket.pipe(socket);
  }).listen(echoPort);
  createHttpServer((_, response) => response.end('ok')).listen(httpPort);
}

async function latency(host: string, port: number, seconds: number): Promise<object> {
  const socket = await connect(host, port);
  const times: number[] = [];
  const begin = performance.now();
  const end = begin + seconds * 1000;
  const byte = Buffer.from('.');
  let sent = performance.now();
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server has closed')));
    socket.on('data', () => {
      const now = performance.now();
      if (now > begin + seconds * 1000 * WARM_UP) times.push(now - sent);
      if (now > end) {
        resolve();
        return;
      }
      sent = performance.now();
      socket.write(byte);
    });
    socket.write(byte);
  });
  socket.destroy();
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  return { p50Ms: at(0.5), p99Ms: at(0.99), exchanges: times.length };
}

async function http(host: string, port: number, seconds: number, connections: number): Promise<object> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => connect(host, port)));
  const request = `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  let answers = 0;
  let isOver = false;
  const failed = new Promise<never>((_, reject) => {
    for (const socket of sockets) {
      let text = '';
      socket.on('error', reject);
      socket.on('close', () => isOver || reject(new Error('the server has closed')));
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
        if (!text.endsWith('\r\n\r\nok')) return;
        text = '';
        answers++;
        socket.write(request);
      });
      socket.write(request);
    }
  });
  const pause = (part: number) => new Promise((next) => setTimeout(next, seconds * 1000 * part));
  await Promise.race([pause(WARM_UP), failed]);
  const [before, since] = [answers, performance.now()];
  await Promise.race([pause(1 - WARM_UP), failed]);
  const perSecond = ((answers - before) * 1000) / (performance.now() - since);
  isOver = true;
  for (const socket of sockets) socket.destroy();
  return { perSecond };
}

function connect(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port, noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}
