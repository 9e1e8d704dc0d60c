import type { ServerRole } from './apps.js';
import { BenchProcess, type StartOptions } from './bench-process.js';

/** What is compared: the same gateway, served in another way. */
export interface Subject {
  readonly name: string;
  /** One process each. */
  readonly roles: readonly ServerRole[];
}

/** What the others are compared with. */
export const STOCK: Subject = { name: 'stock Nest', roles: ['stock'] };

export const SUBJECTS: readonly Subject[] = [
  STOCK,
  { name: 'relay + hub', roles: ['relay', 'hub'] },
  { name: 'role both', roles: ['both'] },
];

/** A subject's processes, ready for clients. */
export class RunningSubject {
  private readonly processes: BenchProcess[] = [];
  /** Where clients connect. */
  port = 0;

  constructor(readonly subject: Subject) {}

  async start(options: StartOptions, profile: string | undefined): Promise<void> {
    for (const role of this.subject.roles) {
      const nodeOptions = profile
        ? ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${role}.cpuprofile`]
        : [];
      const server = new BenchProcess(role, 'server', [role, String(this.port)], {
        ...options,
        nodeOptions,
      });
      this.processes.push(server);
      const { port } = await server.next('ready');
      this.port = port ?? this.port;
    }
  }

  /** CPU time of each process so far, in microseconds. */
  cpuMicros(): Promise<number[]> {
    return Promise.all(this.processes.map((server) => server.cpuMicros()));
  }

  /** Ends the hub server before its relay. */
  async stop(): Promise<void> {
    for (const server of this.processes.toReversed()) await server.stop();
  }

  kill(): void {
    for (const server of this.processes) server.kill();
  }
}
