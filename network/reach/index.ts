/**
 * Reach: whether an address answers by TCP, UDP and ping, how fast, and as whom it sees the asker.
 *
 * Both ends of `tombolo verify`, for pods that live for seconds: a server that tells each client the address it saw, and a
 * client that tries a list of targets and hands back what came of each. Whole payloads go both ways, so that a path that
 * carries only small packets shows. Knows no Kubernetes, decides nothing, and answers nobody with more bytes than he sent.
 */
export { measureAll } from './measure.ts';
export {
  type Measurement,
  measurementLines,
  PAYLOADS,
  type Protocol,
  REACH_PORT,
  readMeasurements,
  readTargets,
  type Target,
} from './measurement.ts';
export { startReachServer } from './server.ts';
