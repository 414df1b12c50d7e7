/**
 * What end-to-end tests see of a test bed: clusters by name, `kubectl` and `tombolo` as a user calls them, and waiting
 * with a deadline. Nothing here looks into the product: what a test asserts is what a user with kubectl could see.
 */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { patient } from '../patience.ts';
import { objectReader, readGet, UnknownKind } from './read-objects.ts';

export { until } from '../until.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CallOptions {
  readonly stdin?: string | Buffer;
  /** Ends the program after this long; default 60 s. */
  readonly timeoutMs?: number;
  /** How it is ended then; default SIGTERM. */
  readonly killSignal?: NodeJS.Signals;
}

/** Any Kubernetes object as kubectl prints it. Tests read into it freely. */
export type Json = { [key: string]: JsonValue } & Record<string, JsonValue>;
type JsonValue = ReturnType<typeof JSON.parse>;

export interface TestCluster {
  readonly name: string;
  readonly kubeconfig: string;
  /** Runs kubectl; never throws on an exit code. */
  try(args: string[] | string, options?: CallOptions): Promise<Outcome>;
  /** Runs kubectl and returns stdout. @throws where the exit code is not 0, with stderr */
  kubectl(args: string[] | string, options?: CallOptions): Promise<string>;
  /** `kubectl … -o json`, parsed. */
  json(args: string[] | string): Promise<Json>;
  /** The object, or undefined where it does not exist. */
  find(args: string[] | string): Promise<Json | undefined>;
  apply(...objects: object[]): Promise<string>;
  /** Runs the CLI against this cluster; never throws on an exit code. */
  tombolo(args: string[] | string, options?: CallOptions): Promise<Outcome>;
}

export interface Bed {
  readonly folder: string;
  cluster(name: string): TestCluster;
  /** Runs `npm run testbed -- ARGS` on this bed, for example `stop milan apiserver`. */
  control(args: string[]): Promise<Outcome>;
}

const repository = resolve(import.meta.dirname, '../..');

function words(args: string[] | string): string[] {
  return typeof args === 'string' ? args.split(' ').filter((word) => word !== '') : args;
}

/** Runs a program to its end and collects what it prints. */
export function call(
  program: string,
  args: readonly string[],
  options: CallOptions & { env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  return new Promise((done, fail) => {
    const { env = process.env, timeoutMs: timeout = patient(60_000), killSignal = 'SIGTERM' } = options;
    const child = spawn(program, args, { env, timeout, killSignal });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => {}); // a program that ends early closes its stdin: its exit code tells the story
    child.once('error', fail);
    child.once('close', (code) =>
      done({ code: code ?? -1, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    );
    child.stdin.end(options.stdin ?? '');
  });
}

/** The bed that `npm test` brought up (or `TOMBOLO_TESTBED` names). */
export function openBed(folder = process.env['TOMBOLO_TESTBED'] ?? join(repository, '.testbed')): Bed {
  const kubectlPath = join(folder, 'bin/kubectl');
  const cluster = (name: string): TestCluster => {
    const kubeconfig = join(folder, name, 'kubeconfig');
    const attempt = (args: string[] | string, options?: CallOptions) =>
      call(kubectlPath, ['--kubeconfig', kubeconfig, ...words(args)], options);
    const kubectl = async (args: string[] | string, options?: CallOptions) => {
      const outcome = await attempt(args, options);
      if (outcome.code === 0) return outcome.stdout;
      throw new Error(`${name}: kubectl ${words(args).join(' ')}: exit ${outcome.code}: ${outcome.stderr.trim()}`);
    };
    const reader = objectReader(kubeconfig);
    /** What most looks of tests ask for costs no program; the rest is left to kubectl. */
    const look = async (args: string[]): Promise<Json | undefined | 'kubectl'> => {
      const query = readGet(args);
      if (query === undefined) return 'kubectl';
      try {
        return (await reader.get(query)) as Json | undefined;
      } catch (error) {
        if (error instanceof UnknownKind) return 'kubectl';
        throw error;
      }
    };
    return {
      name,
      kubeconfig,
      try: attempt,
      kubectl,
      async json(args) {
        const read = await look(words(args));
        if (read === 'kubectl') return JSON.parse(await kubectl([...words(args), '-o', 'json']));
        if (read === undefined) throw new Error(`${name}: kubectl ${words(args).join(' ')}: not found`);
        return read;
      },
      async find(args) {
        const read = await look(words(args));
        if (read !== 'kubectl') return read;
        const text = await kubectl([...words(args), '--ignore-not-found', '-o', 'json']);
        return text.trim() === '' ? undefined : JSON.parse(text);
      },
      apply: (...objects) =>
        kubectl('apply -f -', { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }) }),
      tombolo: (args, options) =>
        call(join(folder, 'bin/tombolo'), [...words(args), '--kubeconfig', kubeconfig], {
          timeoutMs: patient(120_000),
          ...options,
        }),
    };
  };
  return {
    folder,
    cluster,
    control: ([verb = '', ...rest]) =>
      // Before the rest: what follows `--` belongs to the command of `exec`.
      call(process.execPath, [join(repository, 'tests/testbed/main.ts'), verb, '--dir', folder, ...rest], {
        timeoutMs: patient(180_000),
      }),
  };
}

/** Checks that `probe` stays true for the whole time. */
export async function throughout(what: string, probe: () => Promise<boolean>, forMs: number): Promise<void> {
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    if (!(await probe())) throw new Error(`${what}: no longer true`);
    await new Promise((next) => setTimeout(next, 500));
  }
}
