import { busyMs, type Cores } from '../cores.js';
import { LoadGenerator } from '../load/load-generator.js';
import type { LoadProgram } from '../load/build-load.js';
import { wireOf } from '../load/wire.js';
import { BenchProcess } from '../processes/bench-process.js';
import type { Usage } from '../processes/messages.js';
import { RunningSubject, type SubjectOptions } from '../subjects/running-subject.js';
import type { Subject } from '../subjects/subjects.js';
import type { Scenario } from './scenarios.js';

/** More clients than this come from several addresses: one has ports for some 28,000. */
const CLIENTS_PER_ADDRESS = 15_000;
const MAX_WARM_UP_MS = 1500;

export interface TrialOptions {
  readonly cores: Cores;
  readonly program: LoadProgram;
  readonly maxFiles: number;
  readonly seconds: number;
  readonly profile: string | undefined;
}

/** Microseconds of CPU by role. */
export type CpuByRole = ReadonlyMap<string, number>;

/** One measurement: a subject's fresh processes and a load generator; ends all that it started. */
export class Trial {
  readonly running: RunningSubject;
  readonly load: LoadGenerator;
  readonly measureMs: number;
  private readonly child: BenchProcess;
  private before = { usages: [] as Usage[], busy: [] as number[] };

  constructor(
    readonly scenario: Scenario,
    subject: Subject,
    private readonly options: TrialOptions,
    extra: Pick<SubjectOptions, 'migrationsPerSecond'> = {},
  ) {
    const { cores, program, profile, maxFiles } = options;
    this.measureMs = options.seconds * 1000;
    this.running = new RunningSubject(subject, {
      core: cores.servers,
      profile,
      maxFiles,
      ...extra,
    });
    this.child = new BenchProcess('load generator', program.command, {
      core: cores.generator,
      channel: 'lines',
    });
    this.load = new LoadGenerator(this.child);
  }

  get warmUpMs(): number {
    return Math.min(this.measureMs, MAX_WARM_UP_MS);
  }

  connect() {
    const { scenario, running } = this;
    const asked = scenario.traffic?.kind === 'fanOut' ? 'fanOut' : 'echo';
    return this.load.connect({
      clients: scenario.clients,
      sources: Math.ceil(scenario.clients / CLIENTS_PER_ADDRESS),
      ports: running.ports,
      wire: wireOf(running.subject.framing, asked),
    });
  }

  /** Every client sends a message and gets its answer, or this rejects. */
  async checkClients(): Promise<void> {
    this.load.measure();
    this.load.start({ kind: 'echo', outstanding: 1 });
    await this.load.stop();
  }

  /** The time begins that {@link used} is about. */
  async begin(): Promise<void> {
    const usages = await this.usages();
    this.before = { usages, busy: this.busy() };
  }

  /** CPU time of each role since then. */
  async used(): Promise<CpuByRole> {
    const usages = await this.usages();
    const used = new Map<string, number>();
    for (const [index, { role }] of this.running.processes.entries()) {
      const micros = usages[index]!.cpuMicros - this.before.usages[index]!.cpuMicros;
      used.set(role, (used.get(role) ?? 0) + micros);
    }
    return used;
  }

  /** Share of the cores that other programs used, the more disturbed one counts; 0 if not pinned. */
  otherLoad(used: CpuByRole, generatorShare: number, seconds: number): number {
    const own = [sumOf(used) / 1000, generatorShare * seconds * 1000];
    const shares = this.busy().map(
      (ms, index) => (ms - this.before.busy[index]! - own[index]!) / 1000 / seconds,
    );
    return Math.max(0, ...shares);
  }

  async end(): Promise<void> {
    await this.load.exit();
    await this.running.stop();
  }

  kill(): void {
    this.child.signal('SIGKILL');
    this.running.kill();
  }

  private usages(): Promise<Usage[]> {
    return Promise.all(this.running.processes.map((server) => server.usage()));
  }

  private busy(): number[] {
    const { servers, generator } = this.options.cores;
    return servers === undefined || generator === undefined
      ? []
      : [busyMs(servers), busyMs(generator)];
  }
}

export function sumOf(values: ReadonlyMap<string, number>): number {
  return [...values.values()].reduce((sum, value) => sum + value, 0);
}
