import type { ScenarioId } from '../scenarios/scenarios.js';
import { SUBJECTS } from '../subjects/subjects.js';
import { noteOf } from './processes.js';
import type { Row } from './rows.js';
import { barChart, lineChart, type Plot, type Series } from './svg.js';

/** A plot's file. */
export interface PlotFile {
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

interface Wanted {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly scenarios: Readonly<Record<string, ScenarioId>>;
  readonly valueOf: (row: Row) => number | undefined;
  /** What a reader has to know of a value. */
  readonly noteOf?: (row: Row) => string | undefined;
  readonly draw: (plot: Plot) => string;
  readonly line?: number;
}

const RATES = { '1,000/s': 'rate1000', '10,000/s': 'rate10000', '20,000/s': 'rate20000' } as const;

const PLOTS: readonly Wanted[] = [
  {
    name: 'throughput',
    title: 'Messages per second',
    unit: 'ratio to a stock Nest gateway in the same run',
    scenarios: {
      'echo 100×1': 'echo1',
      'echo 50×16': 'echo16',
      'fan-out to 1,000': 'fanOut',
      'echo 5,000×1': 'echo5000',
    },
    valueOf: ({ ratio }) => ratio?.median,
    draw: barChart,
    line: 1,
  },
  ...(['p50', 'p99'] as const).map((metric) => ({
    name: `latency-${metric}`,
    title: `Latency at a constant rate, ${metric}`,
    unit: 'µs',
    scenarios: RATES,
    valueOf: ({ values }: Row) => values[metric]?.median,
    draw: barChart,
  })),
  {
    name: 'memory',
    title: 'Memory per idle client, all processes together',
    unit: 'KiB above no clients, after garbage collection',
    scenarios: { RSS: 'memory' },
    valueOf: ({ values }) => values['rss']?.median,
    draw: barChart,
  },
  {
    name: 'scaling',
    title: 'Echo with ever more clients',
    unit: 'messages per second of CPU',
    scenarios: { '1,000': 'scale1000', '10,000': 'scale10000', '30,000': 'scale30000' },
    valueOf: ({ values }) => values['perCore']?.median,
    noteOf,
    draw: lineChart,
  },
];

/** The plots for which there are values. */
export function plotsOf(rows: readonly Row[]): readonly PlotFile[] {
  return PLOTS.flatMap(({ name, title, unit, scenarios, valueOf, noteOf, draw, line }) => {
    const series = SUBJECTS.flatMap((subject): Series[] => {
      const own = Object.values(scenarios).map((scenario) =>
        rows.find((each) => each.scenario === scenario && each.subject === subject.id),
      );
      const values = own.map((row) => row && valueOf(row));
      if (values.every((value) => value === undefined)) return [];
      const notes = noteOf && own.map((row) => row && noteOf(row));
      return [{ name: subject.name, values, ...(notes && { notes }) }];
    });
    if (series.length === 0) return [];
    const labels = Object.keys(scenarios);
    const plot = { title, unit, labels, series, ...(line !== undefined && { line }) };
    return [{ name: `${name}.svg`, title, svg: draw(plot) }];
  });
}
