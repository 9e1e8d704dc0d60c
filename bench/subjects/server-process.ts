import { fileURLToPath } from 'node:url';
import { BenchProcess } from '../processes/bench-process.js';
import type { Usage } from '../processes/messages.js';
import { usageOf } from '../processes/proc.js';
import type { ServerRole } from '../servers/started-server.js';

const SCRIPT = fileURLToPath(new URL('../servers/server.js', import.meta.url));

/** A process of a subject. */
export interface ServerProcess {
  /** What it is, for the report. */
  readonly role: string;
  usage(): Promise<Usage>;
  /** The same after its garbage was collected, where it has any. */
  usageCollected(): Promise<Usage>;
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
    const node = [process.execPath, '--enable-source-maps', '--expose-gc', ...profiling];
    this.child = new BenchProcess(role, [...node, SCRIPT, role, ...args.map(String)], {
      core,
      channel: 'ipc',
    });
  }

  /** Where clients connect, once it is ready; undefined in a hub server. */
  async whenReady(): Promise<number | undefined> {
    return (await this.child.next('ready')).port;
  }

  usage(): Promise<Usage> {
    this.child.tell('usage');
    return this.child.next('usage');
  }

  usageCollected(): Promise<Usage> {
    this.child.tell('collect');
    return this.child.next('usage');
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

  async usage(): Promise<Usage> {
    return usageOf(this.child.pid);
  }

  usageCollected(): Promise<Usage> {
    return this.usage();
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
