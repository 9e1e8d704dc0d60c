import type { Step } from './plan.js';
import type { Sample } from './report/samples.js';
import { MEASURES } from './scenarios/measures.js';
import type { Scenario } from './scenarios/scenarios.js';
import { topologyOf } from './scenarios/topology.js';
import { Trial, type TrialOptions } from './scenarios/trial.js';
import type { Subject } from './subjects/subjects.js';

/** More than any relay moves. */
const UNTHROTTLED = 1_000_000;

/** Measures every subject in every scenario; knows all processes, so that none is left. */
export class BenchRun {
  private trial: Trial | undefined;

  constructor(
    private readonly runs: number,
    private readonly options: TrialOptions,
    private readonly progress: (text: string) => void,
  ) {}

  /** One sample of every subject in every scenario, run by run; each has fresh processes. */
  async measure(steps: readonly Step[]): Promise<readonly Sample[]> {
    const samples: Sample[] = [];
    for (let run = 0; run < this.runs; run += 1) {
      for (const [index, { scenario, subjects }] of steps.entries()) {
        // Nobody is always the first.
        for (const subject of rotate(subjects, run + index)) {
          const sample = await this.sample(run, scenario, subject);
          const about = `run ${run + 1} of ${this.runs}, ${scenario.name}, ${subject.name}`;
          this.progress(`${about}: ${sample.failure ?? describe(sample)}`);
          samples.push(sample);
        }
      }
    }
    return samples;
  }

  /** Ends whatever still runs, at once. */
  kill(): void {
    this.trial?.kill();
  }

  /** One that fails does not end the whole run: the report says so. */
  private async sample(run: number, scenario: Scenario, subject: Subject): Promise<Sample> {
    const topology = topologyOf(scenario, subject, this.options.maxFiles)!;
    const about = { run, scenario: scenario.id, subject: subject.id, topology };
    const extra = scenario.measure === 'migration' ? { migrationsPerSecond: UNTHROTTLED } : {};
    const trial = new Trial(scenario, subject, topology, this.options, extra);
    this.trial = trial;
    try {
      await trial.running.start();
      const values = await MEASURES[scenario.measure](trial);
      await trial.end();
      return { ...about, values };
    } catch (error) {
      trial.kill();
      return { ...about, values: {}, failure: (error as Error).message };
    } finally {
      this.trial = undefined;
    }
  }
}

function describe({ values }: Sample): string {
  const entries = Object.entries(values);
  return entries.map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`).join(', ');
}

function rotate<T>(values: readonly T[], by: number): T[] {
  const first = by % values.length;
  return [...values.slice(first), ...values.slice(0, first)];
}
