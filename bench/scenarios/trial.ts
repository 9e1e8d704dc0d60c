import { setTimeout as sleep } from 'node:timers/promises';
import { busyMs, type Cores } from '../cores.js';
import { LoadGenerator } from '../load/load-generator.js';
import { LoadGenerators } from '../load/load-generators.js';
import type { LoadProgram } from '../load/build-load.js';
import { wireOf } from '../load/wire.js';
import { BenchProcess } from '../processes/bench-process.js';
import { cpuMicrosOf } from '../processes/proc.js';
import { RunningSubject, type SubjectOptions } from '../subjects/running-subject.js';
import type { Subject } from '../subjects/subjects.js';
import type { Scenario } from './scenarios.js';
import type { Topology } from './topology.js';

const MAX_WARM_UP_MS = 3000;

export interface TrialOptions {
  readonly cores: Cores;
  readonly program: LoadProgram;
  readonly maxFiles: number;
  readonly seconds: number;
  readonly profile: string | undefined;
}

/** What processes used in a time. */
export interface Used {
  /** Microseconds of CPU. */
  readonly byRole: ReadonlyMap<string, number>;
  readonly micros: number;
  /** Share of the servers' core that they had. */
  readonly ownShare: number;
  /** How busy the servers' and the load generator's core were; empty if there are none. */
  readonly busy: readonly number[];
}

/** What they used in several times that were equally long. */
export function mergeUsed(all: readonly Used[]): Used {
  const byRole = new Map<string, number>();
  for (const [role, micros] of all.flatMap((used) => [...used.byRole])) {
    byRole.set(role, (byRole.get(role) ?? 0) + micros);
  }
  const mean = (of: (used: Used) => number) =>
    all.reduce((sum, used) => sum + of(used), 0) / all.length;
  return {
    byRole,
    micros: all.reduce((sum, used) => sum + used.micros, 0),
    ownShare: mean((used) => used.ownShare),
    busy: (all[0]?.busy ?? []).map((_, core) => mean((used) => used.busy[core]!)),
  };
}

/** Share of a core that other programs used: of the more disturbed one, 0 if not pinned. */
function otherLoad({ busy, ownShare }: Used, generatorShare: number): number {
  const [servers = 0, generator = 0] = busy;
  return Math.max(0, servers - ownShare, generator - generatorShare);
}

/** What is told of every measurement: CPU time by role for each unit, and how busy the cores were. */
export function commonOf(
  used: Used,
  units: number,
  generatorShare: number,
): Record<string, number> {
  const each = [...used.byRole].map(([role, micros]) => [`cpu ${role}`, micros / units]);
  return {
    ...Object.fromEntries(each),
    generatorShare,
    otherLoad: otherLoad(used, generatorShare),
  };
}

/** One measurement: a subject's fresh processes and its load generators; ends all that it started. */
export class Trial {
  readonly running: RunningSubject;
  readonly load: LoadGenerators;
  readonly measureMs: number;
  private readonly children: readonly BenchProcess[];
  private before = { at: 0, cpu: [] as number[], busy: [] as number[] };

  constructor(
    readonly scenario: Scenario,
    subject: Subject,
    readonly topology: Topology,
    private readonly options: TrialOptions,
    extra: Pick<SubjectOptions, 'migrationsPerSecond'> = {},
  ) {
    const { cores, program, profile, maxFiles } = options;
    this.measureMs = options.seconds * 1000;
    this.running = new RunningSubject(subject, {
      core: cores.servers,
      profile,
      maxFiles,
      relays: topology.relays,
      ...extra,
    });
    this.children = Array.from(
      { length: topology.generators },
      () =>
        new BenchProcess('load generator', program.command, {
          core: cores.generator,
          channel: 'lines',
        }),
    );
    this.load = new LoadGenerators(this.children.map((child) => new LoadGenerator(child)));
  }

  get warmUpMs(): number {
    return Math.min(this.measureMs, MAX_WARM_UP_MS);
  }

  connect() {
    const { scenario, topology, running } = this;
    const asked = scenario.traffic?.kind === 'fanOut' ? 'fanOut' : 'echo';
    return this.load.connect({
      clients: topology.clients,
      ports: running.ports,
      wire: wireOf(running.subject.framing, asked),
    });
  }

  /** Every client sends a message and gets its answer, or this rejects. */
  async checkClients(): Promise<void> {
    this.load.start({ kind: 'echo', outstanding: 1 });
    await this.load.stop();
  }

  /**
   * Runs at full speed for a while, then with one message at a time: a server that has just started is
   * slow at any rate, and one that has only seen bursts compiles again when messages come alone.
   */
  async heatUp(): Promise<void> {
    for (const kind of ['echo', 'turns'] as const) {
      this.load.start({ kind, outstanding: 1 });
      await sleep(this.warmUpMs);
      await this.load.stop();
    }
  }

  /** The time begins that {@link used} is about. */
  begin(): void {
    this.before = { at: performance.now(), cpu: this.cpuMicros(), busy: this.busy() };
  }

  /** CPU time of the processes since then. */
  used(): Used {
    const now = {
      ms: performance.now() - this.before.at,
      cpu: this.cpuMicros(),
      busy: this.busy(),
    };
    const byRole = new Map<string, number>();
    for (const [index, { role }] of this.running.processes.entries()) {
      const micros = now.cpu[index]! - this.before.cpu[index]!;
      byRole.set(role, (byRole.get(role) ?? 0) + micros);
    }
    const micros = [...byRole.values()].reduce((sum, value) => sum + value, 0);
    const busy = now.busy.map((ms, index) => (ms - this.before.busy[index]!) / now.ms);
    return { byRole, micros, busy, ownShare: micros / 1000 / now.ms };
  }

  async end(): Promise<void> {
    await this.load.exit();
    await this.running.stop();
  }

  kill(): void {
    for (const child of this.children) child.signal('SIGKILL');
    this.running.kill();
  }

  private cpuMicros(): number[] {
    return this.running.processes.map(({ pid }) => cpuMicrosOf(pid));
  }

  private busy(): number[] {
    const { servers, generator } = this.options.cores;
    return servers === undefined || generator === undefined
      ? []
      : [busyMs(servers), busyMs(generator)];
  }
}
