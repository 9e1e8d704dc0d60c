import { BenchProcess } from './bench-process.js';
import { busyMs, type Cores } from './cores.js';
import type { BenchOptions } from './options.js';
import type { Sample } from './report.js';
import type { Scenario } from './scenarios.js';
import { RunningSubject, type Subject } from './subjects.js';

const MAX_WARM_UP_MS = 1500;

/** Measures every subject in every scenario; knows all processes, so that none is left. */
export class BenchRun {
  private running: RunningSubject[] = [];
  private generator: BenchProcess | undefined;

  constructor(
    private readonly options: BenchOptions,
    private readonly cores: Cores,
    private readonly progress: (text: string) => void,
  ) {}

  /** One sample of every subject in every scenario, run by run; each run has fresh processes. */
  async measure(
    scenarios: readonly Scenario[],
    subjects: readonly Subject[],
  ): Promise<readonly Sample[]> {
    const samples: Sample[] = [];
    for (let run = 0; run < this.options.runs; run += 1) {
      await this.start(subjects);
      for (const [index, scenario] of scenarios.entries()) {
        // Nobody is always the first.
        for (const subject of rotate(this.running, run + index)) {
          const about = `run ${run + 1} of ${this.options.runs}, ${scenario.name}`;
          this.progress(`${about}: ${subject.subject.name}`);
          samples.push(await this.sample(run, scenario, subject));
        }
      }
      for (const subject of this.running) await subject.stop();
    }
    return samples;
  }

  /** Ends whatever still runs, at once. */
  kill(): void {
    this.generator?.kill();
    for (const subject of this.running) subject.kill();
  }

  private async start(subjects: readonly Subject[]): Promise<void> {
    this.running = subjects.map((subject) => new RunningSubject(subject));
    for (const subject of this.running) {
      await subject.start({ core: this.cores.servers }, this.options.profile);
    }
  }

  private async sample(run: number, scenario: Scenario, subject: RunningSubject): Promise<Sample> {
    const measureMs = this.options.seconds * 1000;
    const generator = new BenchProcess('load generator', 'generator', [], {
      core: this.cores.generator,
    });
    this.generator = generator;
    try {
      const warmUpMs = Math.min(measureMs, MAX_WARM_UP_MS);
      generator.tell({ kind: 'job', port: subject.port, scenario, warmUpMs, measureMs });
      await generator.next('warm');
      const cpuBefore = await subject.cpuMicros();
      const idleBefore = this.busy();
      generator.tell({ kind: 'measure' });
      const result = await generator.next('result', measureMs + 30_000);
      const cpuAfter = await subject.cpuMicros();
      const used = cpuAfter.map((micros, index) => micros - cpuBefore[index]!);
      const busy = this.busy().map((ms, index) => ms - idleBefore[index]!);
      const own = [
        used.reduce((sum, micros) => sum + micros, 0) / 1000,
        result.cpuShare * result.seconds * 1000,
      ];
      await generator.whenEnded();
      return {
        run,
        scenario: scenario.name,
        subject: subject.subject.name,
        rate: result.messages / result.seconds,
        generatorShare: result.cpuShare,
        cpuMicros: subject.subject.roles.map((role, index) => [
          role,
          used[index]! / result.messagesToTheEnd,
        ]),
        otherLoad: busy.map((ms, index) => Math.max(0, (ms - own[index]!) / 1000 / result.seconds)),
      };
    } catch (error) {
      const where = `${scenario.name}, ${subject.subject.name}`;
      throw new Error(`${where}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Busy time of the servers' and of the load generator's core; nothing when they have none. */
  private busy(): number[] {
    const { servers, generator } = this.cores;
    return servers === undefined || generator === undefined
      ? []
      : [busyMs(servers), busyMs(generator)];
  }
}

function rotate<T>(values: readonly T[], by: number): T[] {
  const first = by % values.length;
  return [...values.slice(first), ...values.slice(0, first)];
}
