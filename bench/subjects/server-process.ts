import { fileURLToPath } from 'node:url';
import { BenchProcess } from '../processes/bench-process.js';
import type { ServerRole } from '../servers/started-server.js';

const SCRIPT = fileURLToPath(new URL('../servers/server.js', import.meta.url));

/** A process of a subject. */
export interface ServerProcess {
  /** What it is, for the report. */
  readonly role: string;
  readonly pid: number;
  /** Collects its garbage; resolves with the bytes of its heap in use, 0 where it has none. */
  collect(): Promise<number>;
  stop(): Promise<void>;
  kill(): void;
}

/** A server of the bench. */
export class NodeServer implements ServerProcess {
  private readonly child: BenchProcess;

  /** @param profile folder for a CPU profile */
  constructor(
    readonly role: ServerRole,
    args: readonly (string | number)[],
    { core, profile }: { core: number | undefined; profile?: string | undefined },
  ) {
    const profiling = profile
      ? ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${role}.cpuprofile`]
      : [];
    // On one core, the four threads that V8 has for its own work would take turns with the server.
    const threads = core === undefined ? [] : ['--v8-pool-size=1'];
    const flags = ['--enable-source-maps', '--expose-gc', ...threads, ...profiling];
    const node = [process.execPath, ...flags];
    this.child = new BenchProcess(role, [...node, SCRIPT, role, ...args.map(String)], {
      core,
      channel: 'ipc',
    });
  }

  /** Where clients connect, once it is ready; undefined in a hub server. */
  async whenReady(): Promise<number | undefined> {
    return (await this.child.next('ready')).port;
  }

  get pid(): number {
    return this.child.pid;
  }

  async collect(): Promise<number> {
    this.child.tell('collect');
    return (await this.child.next('collected')).heap;
  }

  /** Clients of a hub server. */
  async connections(): Promise<number> {
    this.child.tell('connections');
    return (await this.child.next('connections')).count;
  }

  drain() {
    this.child.tell('drain');
    return this.child.next('drained', 60_000);
  }

  async stop(): Promise<void> {
    this.child.tell('stop');
    await this.child.whenEnded();
  }

  kill(): void {
    this.child.signal('SIGKILL');
  }
}

/** Another program. */
export class ProgramServer implements ServerProcess {
  private readonly child: BenchProcess;

  constructor(
    readonly role: string,
    command: readonly string[],
    options: { core: number | undefined; cwd: string },
  ) {
    this.child = new BenchProcess(role, command, { ...options, channel: 'lines' });
  }

  get process(): BenchProcess {
    return this.child;
  }

  get pid(): number {
    return this.child.pid;
  }

  async collect(): Promise<number> {
    return 0;
  }

  async stop(): Promise<void> {
    this.child.signal('SIGTERM');
    await this.child.whenEnded('SIGTERM');
  }

  kill(): void {
    // nginx's worker ends with its master only when that was asked to.
    this.child.signal('SIGTERM');
  }
}
