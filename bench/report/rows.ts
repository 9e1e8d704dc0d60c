import { PRIMARY, type Scenario, type ScenarioId, SCENARIOS } from '../scenarios/scenarios.js';
import type { Topology } from '../scenarios/topology.js';
import { STOCK, type SubjectId, SUBJECTS } from '../subjects/subjects.js';
import type { Sample } from './samples.js';
import { ratiosTo, spreadOf, type Spread } from './statistics.js';

/** A load generator that is busier than this measures itself. */
export const MAX_GENERATOR_SHARE = 0.9;

/** A subject in a scenario. */
export interface Row {
  readonly scenario: ScenarioId;
  readonly subject: SubjectId;
  /** Runs that count. */
  readonly runs: number;
  /** Where subjects may differ in it. */
  readonly topology?: Topology;
  readonly values: Readonly<Record<string, Spread>>;
  /** To the stock gateway of the same run: above 1 is better. Undefined without that. */
  readonly ratio?: Spread;
  /** The same of the messages per second of CPU time, which other load disturbs less. */
  readonly cpuRatio?: Spread;
}

export interface Result {
  readonly rows: readonly Row[];
  /** What does not count, and why. */
  readonly problems: readonly string[];
}

export function evaluate(samples: readonly Sample[]): Result {
  const problems: string[] = [];
  const good = samples.filter((sample) => {
    const problem = problemOf(sample);
    if (problem === undefined) return true;
    const scenario = SCENARIOS.find(({ id }) => id === sample.scenario)!.name;
    problems.push(`${scenario}, ${nameOf(sample.subject)}, run ${sample.run + 1}: ${problem}`);
    return false;
  });
  const rows = SCENARIOS.flatMap((scenario) => {
    const own = good.filter((sample) => sample.scenario === scenario.id);
    const base = own.filter(({ subject }) => subject === STOCK.id);
    return SUBJECTS.flatMap(({ id }) => {
      const ofSubject = own.filter(({ subject }) => subject === id);
      return ofSubject.length > 0 ? [toRow(scenario, ofSubject, base)] : [];
    });
  });
  return { rows, problems };
}

export function nameOf(subject: SubjectId): string {
  return SUBJECTS.find(({ id }) => id === subject)!.name;
}

function problemOf({ failure, values }: Sample): string | undefined {
  if (failure !== undefined) return failure;
  const share = values['generatorShare'] ?? 0;
  if (share <= MAX_GENERATOR_SHARE) return undefined;
  return `the load generator used ${Math.round(share * 100)} % of its core: it measured itself`;
}

function toRow(scenario: Scenario, samples: readonly Sample[], base: readonly Sample[]): Row {
  const names = Object.keys(samples[0]!.values);
  const { topology } = samples[0]!;
  const values = names.map((name) => [name, spreadOf(samples.map((each) => each.values[name]!))]);
  const { metric, better } = PRIMARY[scenario.measure];
  const ratio = ratioOf(metric, better, samples, base);
  const cpuRatio = ratioOf('perCore', 'more', samples, base);
  return {
    scenario: scenario.id,
    subject: samples[0]!.subject,
    runs: samples.length,
    ...(scenario.measure === 'scaling' && topology && { topology }),
    values: Object.fromEntries(values) as Record<string, Spread>,
    ...(ratio && { ratio }),
    ...(cpuRatio && { cpuRatio }),
  };
}

/** Of those runs in which both count. */
function ratioOf(
  metric: string,
  better: 'more' | 'less',
  samples: readonly Sample[],
  base: readonly Sample[],
): Spread | undefined {
  const pairs = samples.flatMap((own) => {
    const other = base.find(({ run }) => run === own.run);
    return other ? [{ own: own.values[metric], base: other.values[metric] }] : [];
  });
  const [owns, bases] = [pairs.map(({ own }) => own), pairs.map(({ base }) => base)];
  const usable = [...owns, ...bases].every((value) => value !== undefined && value > 0);
  if (pairs.length === 0 || !usable) return undefined;
  const [top, bottom] = better === 'more' ? [owns, bases] : [bases, owns];
  return ratiosTo(bottom as number[], top as number[]);
}
