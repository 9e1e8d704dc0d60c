import type { Step } from './plan.js';
import type { Sample } from './report/samples.js';
import { MEASURES, type Values } from './scenarios/measures.js';
import type { Scenario } from './scenarios/scenarios.js';
import { topologyOf } from './scenarios/topology.js';
import { measureSlice, type Slice, slicesOf, valuesOf, warmUp } from './scenarios/traffic.js';
import { Trial, type TrialOptions } from './scenarios/trial.js';
import type { Subject } from './subjects/subjects.js';

/** More than any relay moves. */
const UNTHROTTLED = 1_000_000;

/** A subject that is measured, and what is known so far. */
interface Entry {
  readonly trial: Trial;
  readonly sample: Omit<Sample, 'values' | 'failure'>;
  readonly slices: Slice[];
  values: Values;
  failure?: string;
}

/** Measures every subject in every scenario; knows all processes, so that none is left. */
export class BenchRun {
  private entries: readonly Entry[] = [];

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
        const { measure } = scenario;
        // Nobody is always the first.
        const rotated = rotate(subjects, run + index);
        const groups = measure === 'throughput' ? [rotated] : rotated.map((it) => [it]);
        for (const group of groups) {
          this.entries = group.map((subject) => this.entry(run, scenario, subject));
          if (measure === 'throughput') await this.measureInTurns(this.entries);
          else await measureAlone(this.entries[0]!, measure);
          for (const { sample, values, failure, trial } of this.entries) {
            samples.push({ ...sample, values, ...(failure !== undefined && { failure }) });
            const about = `run ${run + 1} of ${this.runs}, ${scenario.name}`;
            this.progress(
              `${about}, ${trial.running.subject.name}: ${failure ?? describe(values)}`,
            );
          }
          this.entries = [];
        }
      }
    }
    return samples;
  }

  /** Ends whatever still runs, at once. */
  kill(): void {
    for (const { trial } of this.entries) trial.kill();
  }

  private entry(run: number, scenario: Scenario, subject: Subject): Entry {
    const topology = topologyOf(scenario, subject, this.options.maxFiles)!;
    const extra = scenario.measure === 'migration' ? { migrationsPerSecond: UNTHROTTLED } : {};
    const trial = new Trial(scenario, subject, topology, this.options, extra);
    const sample = { run, scenario: scenario.id, subject: subject.id, topology };
    return { trial, sample, slices: [], values: {} };
  }

  /** All run, and one has traffic. */
  private async measureInTurns(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) {
      await attempt(entry, async ({ trial }) => {
        await trial.running.start();
        await warmUp(trial);
      });
    }
    for (const [turn, ms] of slicesOf(this.options.seconds * 1000).entries()) {
      for (const entry of rotate(entries, turn)) {
        await attempt(entry, async ({ trial, slices }) => {
          slices.push(await measureSlice(trial, ms));
        });
      }
    }
    for (const entry of entries) {
      await attempt(entry, async ({ trial, slices }) => {
        entry.values = valuesOf(slices, false);
        await trial.end();
      });
    }
  }
}

async function measureAlone(entry: Entry, measure: keyof typeof MEASURES): Promise<void> {
  await attempt(entry, async ({ trial }) => {
    await trial.running.start();
    entry.values = await MEASURES[measure](trial);
    await trial.end();
  });
}

/** One that fails does not end the whole run: the report says so. */
async function attempt(entry: Entry, act: (entry: Entry) => Promise<void>): Promise<void> {
  if (entry.failure !== undefined) return;
  try {
    await act(entry);
  } catch (error) {
    entry.failure = (error as Error).message;
    entry.values = {};
    entry.trial.kill();
  }
}

function describe(values: Values): string {
  const entries = Object.entries(values);
  return entries.map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`).join(', ');
}

function rotate<T>(values: readonly T[], by: number): T[] {
  const first = by % values.length;
  return [...values.slice(first), ...values.slice(0, first)];
}
